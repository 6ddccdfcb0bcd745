// The machinery alone against a real API server: a client as one user, and a way to it that can be cut.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { systemClock } from '../../../src/clock/system-clock.ts';
import type { Client } from '../../../src/client/client.ts';
import { loadConfig } from '../../../src/client/config.ts';
import { httpClient } from '../../../src/client/http-client.ts';

export const clock = systemClock();
/** Calls of tests end by their own deadlines. */
export const never = new AbortController().signal;
export const call = { signal: never } as const;

/** As a user would be: by kubeconfig; `master` leads over another way. */
export async function clientOf(
  kubeconfig: string,
  master?: string,
): Promise<Client & AsyncDisposable> {
  const from = { kubeconfig, environment: {}, clock };
  const config = await loadConfig(master === undefined ? from : { ...from, master }, never);
  return httpClient({ config, clock, userAgent: 'serin-tests' });
}

/** A TCP way to a server: what goes through is not looked at, but it can be cut. */
export class Way implements AsyncDisposable {
  readonly #server;
  readonly #sockets = new Set<Socket>();
  #open = true;

  private constructor(target: URL) {
    this.#server = createServer((near) => {
      if (!this.#open) {
        near.destroy();
        return;
      }
      const far = connect(Number(target.port), target.hostname);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
    });
  }

  static async to(server: string): Promise<Way> {
    const way = new Way(new URL(server));
    way.#server.listen(0, '127.0.0.1');
    await once(way.#server, 'listening');
    return way;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends every connection, and each new one at once. */
  cut(): void {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#open = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
  }
}
