// A store, a clock and objects to put in.
import { expect } from 'vitest';
import type { KubeObject, ObjectMeta } from '../../../../src/api/kubernetes.ts';
import { ApiError } from '../../../../src/client/errors.ts';
import { VirtualClock } from '../../../../src/clock/virtual-clock.ts';
import type { Change, Writer } from '../../../../src/sim/store/change.ts';
import { ModelClient } from '../../../../src/sim/store/model-client.ts';
import { ModelStore } from '../../../../src/sim/store/model-store.ts';

export const USER: Writer = { user: 'jane', manager: 'kubectl' };

export function rig() {
  const clock = new VirtualClock();
  let state = 1;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const store = new ModelStore({ clock, random });
  const changes: Change[] = [];
  store.onCommit((change) => changes.push(change));
  const client = new ModelClient({ store, clock, user: 'serin' });
  const stop = new AbortController();
  /** What was told since the last look: `ADDED web@1`. */
  const heard = () =>
    changes
      .splice(0)
      .map(({ type, object: { kind, metadata } }) => `${type} ${kind} ${metadata.name}`);
  return { clock, store, client, stop, signal: stop.signal, heard };
}

type Meta = Partial<ObjectMeta>;

export function deployment(name: string, metadata: Meta = {}, spec: object = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop', ...metadata },
    spec: { replicas: 2, selector: { matchLabels: { app: name } }, ...spec },
  };
}

export function configMap(name: string, metadata: Meta = {}, data = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'shop', ...metadata },
    data,
  };
}

export function canary(name: string, metadata: Meta = {}, rest: object = {}): KubeObject {
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name, namespace: 'shop', ...metadata },
    spec: { a: 1 },
    ...rest,
  };
}

export function namespace(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function ownedBy(owner: KubeObject, blockOwnerDeletion = false): Meta {
  const { apiVersion, kind, metadata } = owner;
  const { name, uid = '' } = metadata;
  return { ownerReferences: [{ apiVersion, kind, name, uid, blockOwnerDeletion }] };
}

/** The object as somebody writes it back: with changes, and free to be changed. */
export function changed(object: KubeObject, fields: object, metadata: Meta = {}): KubeObject {
  return structuredClone({ ...object, ...fields, metadata: { ...object.metadata, ...metadata } });
}

export function refusal(run: () => unknown) {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { kind, code, reason, status } = error;
    return { kind, code, reason, message: status?.message ?? '', causes: status?.causes ?? [] };
  }
  return expect.fail('was not refused');
}
