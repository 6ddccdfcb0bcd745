// A control plane of a test's own, ready for rollouts: faults that its parts suffer are felt by nobody else.
import { applyCrds } from '../cluster/apply.ts';
import { findComponents } from '../cluster/components.ts';
import { type ControlPlane, type Part, startControlPlane } from '../cluster/control-plane.ts';
import { registerNodes } from '../cluster/nodes.ts';
import { crdFiles } from '../setup.ts';

export interface PlaneOptions {
  /** More flags for its parts, after ours. */
  readonly flags?: Partial<Record<Part, readonly string[]>>;
}

export async function startOwnPlane(options: PlaneOptions = {}): Promise<ControlPlane> {
  const components = await findComponents();
  const { gatewayCrds } = components;
  if (gatewayCrds === null)
    throw new Error('there are no Gateway API CRDs: the journeys need them');
  const plane = await startControlPlane({ components, ...options });
  try {
    await applyCrds(plane.api, [...crdFiles(), gatewayCrds]);
    await registerNodes(plane.api, 2);
    return plane;
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

/** Makes the store forget all versions but the present ones: who asks for changes since an older one is refused. */
export async function compact(plane: ControlPlane): Promise<void> {
  const ask = async (path: string, body: unknown): Promise<{ header: { revision: string } }> => {
    const answer = await fetch(`${plane.store}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) throw new Error(`etcd ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as { header: { revision: string } };
  };
  const { header } = await ask('/v3/kv/range', { key: 'AA==', limit: '1' });
  await ask('/v3/kv/compaction', { revision: header.revision, physical: true });
}
