// What an end-to-end test file starts from: the run's cluster, and a namespace of its own for each test.
import { describe, inject } from 'vitest';
import { Api } from './api.ts';
import type { User } from './control-plane.ts';
import type { ClusterAddress } from '../setup.ts';

export { newNamespace } from './namespace.ts';

/** As `describe`; skipped, with its name in the report, where no cluster is to be had (setup.ts said why). */
export const describeE2E = describe.skipIf(inject('cluster') === null);

/** The run's cluster. Only inside of `describeE2E`. */
export function cluster(): ClusterAddress {
  const address = inject('cluster');
  if (address === null) throw new Error('there is no cluster: is this test inside of describeE2E?');
  return address;
}

/** The caller closes it. */
export function apiAs(user: User = 'admin'): Api {
  return new Api(cluster().connections[user]);
}
