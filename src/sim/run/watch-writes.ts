// Shows a checker everything that is written to a model cluster, and everything that its operator asks to write.
import type { Checker } from '../check/checker.ts';
import type { AskedWrite } from '../check/invariant.ts';
import type { Call, Gate } from '../store/model-client.ts';
import type { ModelCluster } from './model-cluster.ts';

export interface Watched {
  /** For each replica; `inner` stands behind it. */
  gate(inner?: Gate): Gate;
  /** Judges the whole run, once, and looks on no more. */
  finish(): void;
}

/** Of verbs as the API server knows them; `exec` writes nothing. */
const VERBS: Readonly<Record<string, AskedWrite['verb']>> = {
  create: 'create',
  update: 'update',
  patch: 'patch',
  apply: 'patch',
  delete: 'delete',
  deletecollection: 'deleteCollection',
};

/** To be called after the checker's truth was made: that must know of each commit first. */
export function watchWrites(cluster: Pick<ModelCluster, 'store'>, checker: Checker): Watched {
  const unlisten = cluster.store.onCommit((change) => checker.commit(change));
  return {
    gate: (inner) => ({
      before: (call) => {
        const write = askedOf(call);
        if (write !== null) checker.asked(write);
        return inner?.before(call);
      },
      after: (call) => inner?.after(call),
    }),
    finish: () => {
      unlisten();
      checker.finish();
    },
  };
}

function askedOf({ verb, resource, key, write, patch, preconditions }: Call): AskedWrite | null {
  const known = VERBS[verb];
  if (!write || known === undefined) return null;
  return {
    verb: known,
    resource,
    key: key ?? { name: '' },
    ...(patch !== undefined && { patch }),
    ...preconditions,
  };
}
