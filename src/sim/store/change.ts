// What one commit did to one object, and who did it.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Resource } from '../../client/client.ts';

/** Who writes. */
export interface Writer {
  readonly user: string;
  /** Field manager. */
  readonly manager: string;
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  readonly resource: Resource;
  /** After the change; of what was deleted the last state, with the deletion's resourceVersion. */
  readonly object: KubeObject;
  readonly before: KubeObject | null;
  readonly by: Writer;
}
