// What all scenarios stand on: the node that runs already, the one-file operator, and somebody who is told how it goes.
import { until } from '../../test/e2e/cluster/until.ts';
import { apiOfNode } from '../../test/e2e/node/node.ts';
import { startWalk, type Walk, type WalkOptions } from '../../test/e2e/node/walk.ts';

export interface Ground {
  /** Of the operator, see tools/bundle.ts. */
  readonly bundle: string;
  readonly tell: (text: string) => void;
  /** What has to go when the whole is called off. */
  readonly standing: Set<AsyncDisposable>;
  /** How long a good rollout takes without a fault; measured once, by whoever needs it first. */
  readonly undisturbed: { tookMs: Promise<number> | null };
}

/** A namespace and an operator of its own for `body`; at the end nothing of it is left on the node. */
export async function onGround<T>(
  ground: Ground,
  body: (on: Walk) => Promise<T>,
  options: Omit<WalkOptions, 'bundle'> = {},
): Promise<T> {
  const { bundle, standing } = ground;
  const starting = startWalk({ ...options, bundle });
  const end = async (): Promise<void> => (await starting)[Symbol.asyncDispose]();
  const stands = { [Symbol.asyncDispose]: end };
  standing.add(stands);
  try {
    const on = await starting;
    try {
      return await body(on);
    } catch (error) {
      const last = on.operator.log.split('\n').slice(-30).join('\n');
      ground.tell(`the operator's last words:\n${last}`);
      throw error;
    } finally {
      await end();
      await untilGone(on.namespace);
    }
  } finally {
    standing.delete(stands);
  }
}

/** Pods that still end would take something from the next scenario. */
async function untilGone(namespace: string): Promise<void> {
  const api = apiOfNode();
  try {
    await until(
      `the namespace ${namespace} to be gone`,
      async () => (await api.find(`/api/v1/namespaces/${namespace}`)) === null,
      { limitMs: 60_000, everyMs: 250 },
    );
  } finally {
    await api.close();
  }
}
