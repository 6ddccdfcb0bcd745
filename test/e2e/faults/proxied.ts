// A journey whose operator speaks to the API server through the proxy of the fault tests.
import { cluster } from '../cluster/e2e.ts';
import { FaultProxy } from '../cluster/fault-proxy.ts';
import { titleOf } from '../cluster/fault-proxy-call.ts';
import { type Journey, journey } from '../journeys/journey.ts';

/** As `journey`, with the proxy. */
export async function proxied(
  walk: (journey: Journey, proxy: FaultProxy) => Promise<void>,
): Promise<void> {
  const { dir, connections } = cluster();
  await using proxy = await FaultProxy.start({ dir, upstream: connections.operator });
  try {
    const kubeconfig = proxy.kubeconfig();
    await journey((started) => walk(started, proxy), { kubeconfig });
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
