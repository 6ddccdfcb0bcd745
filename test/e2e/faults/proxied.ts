// A journey whose operator is the shipped file and speaks to the API server through the proxy of the fault tests.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cluster } from '../cluster/e2e.ts';
import { FaultProxy } from '../cluster/fault-proxy.ts';
import { titleOf } from '../cluster/fault-proxy-call.ts';
import { type Journey, journey } from '../journeys/journey.ts';

const BUNDLE = join(import.meta.dirname, '../../../tools/bundle.ts');

export interface Bundle extends AsyncDisposable {
  readonly program: string;
  /** For its process: what was compiled once is not compiled again. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Makes the shipped file: it starts in half the time of the sources. */
export async function bundled(): Promise<Bundle> {
  const dir = mkdtempSync(join(tmpdir(), 'serin-bundle-'));
  const program = join(dir, 'serin.mjs');
  await promisify(execFile)(process.execPath, [BUNDLE, program], { timeout: 60_000 });
  return {
    program,
    environment: { NODE_COMPILE_CACHE: join(dir, 'compiled') },
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(dir, { recursive: true, force: true })),
  };
}

/** As `journey`, with the proxy. */
export async function proxied(
  { program, environment }: Bundle,
  walk: (journey: Journey, proxy: FaultProxy) => Promise<void>,
): Promise<void> {
  const { dir, connections } = cluster();
  await using proxy = await FaultProxy.start({ dir, upstream: connections.operator });
  try {
    const kubeconfig = proxy.kubeconfig();
    await journey((started) => walk(started, proxy), { program, environment, kubeconfig });
  } catch (error) {
    const writes = proxy.deeds.map(
      ({ call, deed, code, atMs }) =>
        `${new Date(atMs).toISOString()} ${deed} ${titleOf(call)}: ${code}`,
    );
    process.stderr.write(`--- writes:\n${writes.slice(-60).join('\n')}\n`);
    throw error;
  }
}

/** So many of the test's own runs at once: two processors carry no more. */
export class Seats {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async take<T>(run: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((go) => this.#waiting.push(go));
    try {
      return await run();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
