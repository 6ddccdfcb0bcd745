// Canaries followed live: what is so now, and a wait for the next change.
import type { KubeObject } from '../api/kubernetes.ts';
import { startDeadline } from '../clock/deadline.ts';
import { RESOURCES } from '../client/resources.ts';
import { createInformer } from '../informers/informer.ts';
import { stripManagedFields } from '../informers/transforms.ts';
import type { Cluster } from './cluster.ts';
import { CommandError } from './command.ts';

export interface Scope {
  /** With neither this nor `namespaces`: all. */
  readonly namespace?: string;
  /** Empty = all. */
  readonly namespaces?: readonly string[];
  /** One Canary only. */
  readonly name?: string;
}

export interface Change {
  readonly kind: 'present' | 'gone';
  readonly object: KubeObject;
}

export interface Following extends AsyncDisposable {
  /** What is there, once that is known: whatever becomes of it afterwards is told by `next`. */
  filled(signal: AbortSignal): Promise<readonly KubeObject[]>;
  /** Every change since the last call, in order; waits for one at most `limitMs`. Empty when none came. */
  next(limitMs: number, signal: AbortSignal): Promise<readonly Change[]>;
}

/** The first `next` gives what is there. The cluster must have been asked for Canaries before: faults are got over. */
export function followCanaries(
  cluster: Cluster,
  { namespace, namespaces = [], name }: Scope,
  { signal, onWarning }: { readonly signal: AbortSignal; onWarning?: (text: string) => void },
): Following {
  const { client, clock } = cluster;
  const end = new AbortController();
  const informer = createInformer({
    client,
    clock,
    resource: RESOURCES.canaries,
    transform: stripManagedFields,
    ...(namespace === undefined ? {} : { namespace }),
    ...(namespaces.length === 0 ? {} : { namespaces }),
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
    onWarning: (message, { error }) => {
      const words = error instanceof Error ? `${message}: ${error.message}` : message;
      if (!end.signal.aborted) onWarning?.(words);
    },
  });
  let waiting: Change[] = [];
  let wake = (): void => {};
  const push = (kind: Change['kind'], object: KubeObject): void => {
    waiting.push({ kind, object });
    wake();
  };
  informer.addHandler({
    onAdd: (object) => push('present', object),
    onUpdate: (_old, object) => push('present', object),
    onDelete: (object) => push('gone', object),
  });
  const running = informer.run(AbortSignal.any([signal, end.signal]));
  running.catch(() => undefined);
  return {
    async filled(until) {
      await informer.synced(until);
      return informer.store.list();
    },
    async next(limitMs, until) {
      until.throwIfAborted();
      if (waiting.length === 0) {
        using deadline = startDeadline(clock, limitMs, until);
        await new Promise<void>((resolve) => {
          wake = resolve;
          deadline.signal.addEventListener('abort', () => resolve(), { once: true });
        });
        until.throwIfAborted();
      }
      const taken = waiting;
      waiting = [];
      return taken;
    },
    async [Symbol.asyncDispose]() {
      end.abort(new CommandError('nobody follows any more'));
      await running.catch(() => undefined);
    },
  };
}
