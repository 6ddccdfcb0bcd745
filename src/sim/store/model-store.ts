// The API server's storage and rules in memory: every verb on one object, synchronous, with the answers of a real one.
import type { KubeObject } from '../../api/kubernetes.ts';
import type { JsonPatchOperation, ObjectKey, Patch, Resource, Scale } from '../../client/client.ts';
import type { Clock } from '../../clock/clock.ts';
import { rfc3339 } from '../../clock/time-format.ts';
import { applied, tracked } from './apply.ts';
import type { Change, Writer } from './change.ts';
import { frozenJson, sameJson } from './frozen-json.ts';
import { Garbage } from './garbage.ts';
import type { KindRegistry } from './kinds.ts';
import { Ledger } from './ledger.ts';
import * as life from './lifetime.ts';
import { Namespaces } from './namespaces.ts';
import { patched } from './patches.ts';
import { permissiveKinds } from './permissive-kinds.ts';
import * as refusals from './refusals.ts';
import type { Attempt } from './refusals.ts';
import { isScalable, replicasOf, scaleOf, withReplicas } from './scale.ts';
import { selection, type Selection } from './selectors.ts';
import { bornByUpdate } from './strategies.ts';
import { keyText } from './table.ts';
import type { DeleteHow, Renewal, StoreOptions, WriteHow, Writing } from './verbs.ts';
import {
  appliedBody,
  attemptOf,
  nameOf,
  refuseNameless,
  refuseOther,
  refuseOutdated,
  sameButTimes,
  settable,
} from './writes.ts';

export class ModelStore {
  readonly kinds: KindRegistry;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #ledger: Ledger;
  readonly #namespaces: Namespaces;

  constructor({ clock, random, kinds = permissiveKinds() }: StoreOptions) {
    this.kinds = kinds;
    this.#clock = clock;
    this.#random = random;
    const garbage = new Garbage(this);
    this.#namespaces = new Namespaces(this, () => this.#ledger.tables());
    this.#ledger = new Ledger({
      note: (change) => {
        garbage.note(change);
        this.#namespaces.note(change);
      },
      react: (change) => {
        garbage.react(change);
        this.#namespaces.react(change);
      },
    });
  }

  get revision(): number {
    return this.#ledger.revision;
  }

  get(resource: Resource, key: ObjectKey): KubeObject | null {
    return this.#ledger.tableOf(resource).get(keyText(resource, key));
  }

  /** By key. */
  list(resource: Resource, filter: Selection = {}): readonly KubeObject[] {
    const { namespace, ...selectors } = filter;
    const objects = this.#ledger
      .tableOf(resource)
      .list(resource.namespaced ? namespace : undefined);
    const selected = selection(`list ${resource.plural}`, selectors);
    return selected === null ? objects : objects.filter(selected);
  }

  /** The whole kind as it was at a revision, by key. */
  listAt(resource: Resource, revision: number): readonly KubeObject[] | 'compacted' {
    return this.#ledger.at(resource, revision);
  }

  create(resource: Resource, object: KubeObject, by: Writer, how: WriteHow = {}): KubeObject {
    const attempt: Attempt = { verb: 'create', resource, key: object.metadata };
    if (object.metadata.resourceVersion) throw refusals.versionOnCreate(attempt);
    return this.#insert(attempt, object, { ...how, by });
  }

  update(resource: Resource, object: KubeObject, by: Writer, how: WriteHow = {}): KubeObject {
    const { uid = '' } = object.metadata;
    const attempt = attemptOf('update', resource, object.metadata, how);
    if (how.subresource === 'scale') return this.#rescale(attempt, object, { ...how, by });
    const live = this.get(resource, object.metadata);
    if (live !== null) return this.#renew({ ...how, attempt, live, by }, object);
    if (uid !== '') throw refusals.otherUid(attempt, uid, '');
    if (how.subresource !== undefined || !bornByUpdate(resource)) throw refusals.notFound(attempt);
    return this.#insert(attempt, object, { ...how, by });
  }

  patch(
    resource: Resource,
    key: ObjectKey,
    patch: Patch,
    by: Writer,
    how: WriteHow = {},
  ): KubeObject {
    const attempt = attemptOf(patch.type === 'apply' ? 'apply' : 'patch', resource, key, how);
    if (patch.type === 'apply') return this.#apply(attempt, patch, { ...how, by });
    if (how.subresource === 'scale') {
      return this.#rescale(attempt, patched(this.#scale(attempt), patch), { ...how, by });
    }
    const live = this.#live(attempt);
    const wanted = patched(live, patch);
    refuseOther(attempt, wanted, patch.type === 'json' && patch.operations.some(isTest));
    return this.#renew({ ...how, attempt, live, by }, wanted);
  }

  getScale(resource: Resource, key: ObjectKey): Scale {
    return told(this.#scale(attemptOf('get', resource, key, { subresource: 'scale' })));
  }

  updateScale(
    resource: Resource,
    key: ObjectKey,
    scale: Scale,
    by: Writer,
    how: WriteHow = {},
  ): Scale {
    const attempt = attemptOf('update', resource, key, { subresource: 'scale' });
    const { resourceVersion, replicas } = scale;
    const wanted: KubeObject = {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { ...key, resourceVersion },
      spec: { replicas },
    };
    return told(this.#rescale(attempt, wanted, { ...how, by }));
  }

  delete(resource: Resource, key: ObjectKey, by: Writer, how: DeleteHow = {}): void {
    const attempt: Attempt = { verb: 'delete', resource, key };
    const live = this.#live(attempt);
    const { uid = '', resourceVersion = '' } = live.metadata;
    if (how.uid !== undefined && how.uid !== uid) {
      throw refusals.deletionConflict(attempt, 'UID', { wanted: how.uid, live: uid });
    }
    if (how.resourceVersion !== undefined && how.resourceVersion !== resourceVersion) {
      const versions = { wanted: how.resourceVersion, live: resourceVersion };
      throw refusals.deletionConflict(attempt, 'ResourceVersion', versions);
    }
    const propagation = how.propagationPolicy ?? 'Background';
    const dying = life.dying(resource, live, { time: this.#time(), propagation });
    if (!life.pendingFinalizers(resource, dying)) this.#remove(resource, live, by);
    else if (!sameJson(dying, live)) {
      this.#ledger.commit({ type: 'MODIFIED', resource, object: dying, before: live, by });
    }
  }

  /** Every commit, in order, synchronously, after the store holds it. Returns what ends it. */
  onCommit(listener: (change: Change) => void): () => void {
    return this.#ledger.listen(listener);
  }

  /** Changes of a kind after a revision. */
  since(resource: Resource, revision: number): readonly Change[] | 'compacted' {
    return this.#ledger.since(resource, revision);
  }

  /** Forgets what was before the revision. */
  compact(revision: number): void {
    this.#ledger.compact(revision);
  }

  #insert({ verb, resource, key }: Attempt, object: KubeObject, how: Writing): KubeObject {
    const { kinds } = this;
    const { namespace } = key;
    const free = (wanted: string): ObjectKey =>
      resource.namespaced && namespace !== undefined
        ? { namespace, name: wanted }
        : { name: wanted };
    const name = nameOf(
      object,
      this.#random,
      (wanted) => this.get(resource, free(wanted)) !== null,
    );
    const attempt: Attempt = { verb, resource, key: free(name) };
    this.#namespaces.refuse(attempt);
    refuseNameless(attempt);
    const time = this.#time();
    const given = life.newborn(resource, object, {
      name,
      uid: life.newUid(this.#random),
      time,
      hasStatus: kinds.hasStatus(resource),
    });
    const admitted = kinds.admit(resource, frozenJson(given), null);
    if (this.get(resource, attempt.key) !== null) throw refusals.alreadyExists(attempt);
    const born =
      how.applied === true
        ? admitted
        : tracked(null, admitted, { manager: how.by.manager, time }, kinds.lists(resource));
    if (how.dryRun === true) return frozenJson(born);
    return this.#ledger.commit({ type: 'ADDED', resource, object: born, before: null, by: how.by });
  }

  #renew(renewal: Renewal, wanted: KubeObject): KubeObject {
    const { attempt, live, by, subresource } = renewal;
    const { resource } = attempt;
    const { kinds } = this;
    const hasStatus = kinds.hasStatus(resource);
    if (subresource === 'status' && !hasStatus) throw refusals.notServed(attempt);
    refuseOutdated(attempt, live, wanted);
    const doomed = live.metadata.deletionTimestamp !== undefined;
    const next = life.renewed(live, wanted, { resource, hasStatus, subresource });
    const added = doomed ? life.addedFinalizers(live, next) : [];
    if (added.length > 0) throw refusals.newFinalizers(attempt, added);
    if (sameJson(live, next)) return live;
    const admitted = kinds.admit(resource, frozenJson(next), live, subresource);
    const after = life.counted(resource, live, { after: admitted, hasStatus });
    if (sameJson(live, after)) return live;
    const writer = {
      manager: by.manager,
      time: this.#time(),
      ...(subresource !== undefined && { subresource }),
    };
    const object =
      renewal.applied === true ? after : tracked(live, after, writer, kinds.lists(resource));
    if (sameButTimes(live, object)) return live;
    if (renewal.dryRun === true) return frozenJson(object);
    if (doomed && !life.pendingFinalizers(resource, object)) {
      this.#remove(resource, live, by);
      return frozenJson(object);
    }
    return this.#ledger.commit({ type: 'MODIFIED', resource, object, before: live, by });
  }

  #apply(attempt: Attempt, patch: Extract<Patch, { type: 'apply' }>, how: Writing): KubeObject {
    const { resource, key, subresource } = attempt;
    const live = this.get(resource, key);
    if (live === null && subresource !== undefined) throw refusals.notFound(attempt);
    const given = appliedBody(attempt, patch.body);
    const { resourceVersion = live?.metadata.resourceVersion } = given.metadata;
    if (live === null && resourceVersion !== undefined) throw refusals.conflict(attempt);
    if (live !== null && resourceVersion !== undefined) {
      refuseOutdated(attempt, live, { ...given, metadata: { ...given.metadata, resourceVersion } });
    }
    const applier = {
      manager: how.by.manager,
      force: patch.force === true,
      time: this.#time(),
      ...(subresource !== undefined && { subresource }),
    };
    const wanted = settable(attempt, given, this.kinds.hasStatus(resource));
    const next = applied(live, wanted, applier, this.kinds.lists(resource));
    if (live === null) return this.#insert(attempt, next, { ...how, applied: true });
    return this.#renew({ ...how, attempt, live, applied: true }, next);
  }

  /** Takes a Scale and gives one. */
  #rescale(attempt: Attempt, wanted: KubeObject, how: Writing): KubeObject {
    const { resource } = attempt;
    if (!isScalable(resource)) throw refusals.notServed(attempt);
    const live = this.#live(attempt);
    const { resourceVersion = '' } = wanted.metadata;
    if (resourceVersion !== '' && resourceVersion !== live.metadata.resourceVersion) {
      throw refusals.conflict(attempt);
    }
    const scaled = withReplicas(live, replicasOf(wanted));
    return scaleOf(this.#renew({ ...how, subresource: 'scale', attempt, live }, scaled));
  }

  #scale(attempt: Attempt): KubeObject {
    if (!isScalable(attempt.resource)) throw refusals.notServed(attempt);
    return scaleOf(this.#live(attempt));
  }

  #live(attempt: Attempt): KubeObject {
    const live = this.get(attempt.resource, attempt.key);
    if (live === null) throw refusals.notFound(attempt);
    return live;
  }

  #remove(resource: Resource, live: KubeObject, by: Writer): void {
    this.#ledger.commit({ type: 'DELETED', resource, object: live, before: live, by });
  }

  #time(): string {
    return rfc3339(this.#clock.now());
  }
}

function isTest({ op }: JsonPatchOperation): boolean {
  return op === 'test';
}

function told(scale: KubeObject): Scale {
  return { resourceVersion: scale.metadata.resourceVersion ?? '', replicas: replicasOf(scale) };
}
