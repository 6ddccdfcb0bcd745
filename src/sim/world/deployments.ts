// The Deployment controller: ReplicaSets by template, rollouts, changes of size, status. Follows kube-controller-manager.
import { type Deployment, keyOf } from '../../api/kubernetes.ts';
import { isApiError } from '../../client/errors.ts';
import { RESOURCES } from '../../client/resources.ts';
import { Agenda } from './agenda.ts';
import {
  conditionOf,
  counted,
  deadlineLeftMs,
  deadlineMs,
  type DeploymentStatus,
  isComplete,
  progressing,
  rolledOut,
  type Sets,
  statusOf,
  withCondition,
} from './deployment-status.ts';
import { keyOfOwner, ownerOf, type ReplicaSet, same, selects } from './kinds.ts';
import { createNewest, renumbered, resize, REVISION, revisionOf, setsOf } from './revisions.ts';
import { controllerOf, isOf } from './shelves.ts';
import {
  byAge,
  DESIRED,
  isRecreate,
  newSize,
  oldSizes,
  scaledSizes,
  sizeOf,
  wanted,
} from './sizes.ts';
import { CONTROLLERS, type Seen, type World, writeStatus } from './world.ts';

/** Times are stored in whole seconds, so a deadline is looked at one second after it. */
const PAST_DEADLINE_MS = 1_000;

export class Deployments {
  readonly #world: World;
  readonly #agenda: Agenda;

  constructor(world: World) {
    this.#world = world;
    const { clock, random, nature } = world;
    const look = (key: string) => this.#look(key);
    this.#agenda = new Agenda({ clock, random, delay: nature.deploymentDelay, look });
  }

  see(seen: Seen): void {
    const { type, object } = seen;
    if (isOf(seen, RESOURCES.deployments)) {
      if (type === 'DELETED') this.#agenda.forget(keyOf(object));
      else this.#agenda.wake(keyOf(object));
    } else if (isOf(seen, RESOURCES.replicaSets)) {
      const owner = controllerOf(object);
      if (owner?.kind === 'Deployment') this.#agenda.wake(keyOfOwner(object, owner));
      if (owner !== null) return;
      const neighbours = this.#world.shelves.deployments.in(object.metadata.namespace ?? '');
      for (const each of neighbours) this.#agenda.wake(keyOf(each));
    } else if (isOf(seen, RESOURCES.pods) && type === 'DELETED') {
      this.#wakeRecreating(seen);
    }
  }

  stop(): void {
    this.#agenda.stop();
  }

  /** Recreate waits for the last old pod. */
  #wakeRecreating({ object }: Seen): void {
    const { replicaSets, deployments } = this.#world.shelves;
    const owner = controllerOf(object);
    const set = owner === null ? null : replicaSets.get(keyOfOwner(object, owner));
    const above = set === null ? null : controllerOf(set);
    const deployment = above === null ? null : deployments.get(keyOfOwner(object, above));
    if (deployment !== null && isRecreate(deployment)) this.#agenda.wake(keyOf(deployment));
  }

  #look(key: string): number | null {
    const found = this.#world.shelves.deployments.get(key);
    if (found === null) return null;
    if (found.metadata.deletionTimestamp !== undefined) {
      return this.#tell(found, (live, sets) => counted(live, sets, this.#world.clock.now()));
    }
    this.#adopt(found);
    const deployment = this.#notePause(found);
    if (deployment.spec.paused === true || this.#isResized(deployment)) {
      const sets = this.#known(deployment);
      const sizings = scaledSizes(deployment, sets.newest, sets.olds);
      for (const sizing of sizings) resize(this.#world, deployment, sizing);
      return this.#tell(deployment, (live, now) => counted(live, now, this.#world.clock.now()));
    }
    if (isRecreate(deployment)) this.#recreate(deployment);
    else this.#roll(deployment);
    return this.#tell(deployment, (live, sets) => rolledOut(live, sets, this.#world.clock.now()));
  }

  /** ReplicaSets that an earlier Deployment left behind. */
  #adopt(deployment: Deployment): void {
    const { store, shelves } = this.#world;
    for (const set of shelves.replicaSets.orphans(deployment.metadata.namespace ?? '')) {
      if (set.metadata.deletionTimestamp !== undefined) continue;
      if (!selects(deployment.spec.selector, set.metadata.labels ?? {})) continue;
      const ownerReferences = [...(set.metadata.ownerReferences ?? []), ownerOf(deployment)];
      const adopted = { ...set, metadata: { ...set.metadata, ownerReferences } };
      store.update(RESOURCES.replicaSets, adopted, CONTROLLERS);
    }
  }

  #notePause(deployment: Deployment): Deployment {
    const status = statusOf(deployment);
    const reason = conditionOf(status, 'Progressing')?.reason;
    if (deadlineMs(deployment) === null || reason === 'ProgressDeadlineExceeded') return deployment;
    const paused = deployment.spec.paused === true;
    if (paused === (reason === 'DeploymentPaused')) return deployment;
    const said = paused
      ? progressing('Unknown', 'DeploymentPaused', 'Deployment is paused')
      : progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed');
    return this.#write(deployment, withCondition(status, said, this.#world.clock.now()));
  }

  #isResized(deployment: Deployment): boolean {
    const { newest, olds } = this.#known(deployment);
    return [...olds, ...(newest === null ? [] : [newest])].some((set) => {
      const noted = set.metadata.annotations?.[DESIRED];
      return sizeOf(set) > 0 && noted !== undefined && Number(noted) !== wanted(deployment);
    });
  }

  /** The ReplicaSets, with the newest one's revision on it and on the Deployment. */
  #known(deployment: Deployment): Sets {
    const sets = setsOf(this.#world, deployment);
    const { newest, olds } = sets;
    if (newest === null) return sets;
    if (renumbered(this.#world, deployment, { newest, olds })) return this.#sets(deployment);
    const message = `Found new replica set "${newest.metadata.name}"`;
    const known = conditionOf(statusOf(deployment), 'Progressing') !== null;
    const said = known ? null : progressing('True', 'FoundNewReplicaSet', message);
    this.#writeRevision(deployment, revisionOf(newest), said);
    return sets;
  }

  #made(deployment: Deployment): Sets {
    const sets = this.#known(deployment);
    if (sets.newest !== null) return sets;
    try {
      const newest = createNewest(this.#world, deployment, sets.olds);
      const message = `Created new replica set "${newest.metadata.name}"`;
      const said = progressing('True', 'NewReplicaSetCreated', message);
      this.#writeRevision(deployment, revisionOf(newest), said);
      return this.#sets(deployment);
    } catch (error) {
      if (isApiError(error, 'already-exists')) {
        const status = statusOf(deployment);
        const collisionCount = (status.collisionCount ?? 0) + 1;
        this.#write(deployment, { ...status, collisionCount });
      } else if (isApiError(error)) {
        const said = progressing('False', 'ReplicaSetCreateError', error.message);
        const status = withCondition(statusOf(deployment), said, this.#world.clock.now());
        this.#write(deployment, status);
      }
      throw error;
    }
  }

  #roll(deployment: Deployment): void {
    const { newest, olds } = this.#made(deployment);
    if (newest === null) return;
    const replicas = newSize(deployment, [...olds, newest], sizeOf(newest));
    if (replicas !== sizeOf(newest)) {
      resize(this.#world, deployment, { set: newest, replicas });
      return;
    }
    const sizings = oldSizes(deployment, newest, olds);
    for (const sizing of sizings) resize(this.#world, deployment, sizing);
    if (sizings.length === 0) this.#forgetOldest(deployment, olds);
  }

  #recreate(deployment: Deployment): void {
    const { olds } = this.#known(deployment);
    const active = olds.filter((set) => sizeOf(set) > 0);
    for (const set of active) resize(this.#world, deployment, { set, replicas: 0 });
    if (active.length > 0 || olds.some((set) => this.#hasPods(set))) return;
    const { newest } = this.#made(deployment);
    if (newest === null) return;
    if (sizeOf(newest) === wanted(deployment)) this.#forgetOldest(deployment, olds);
    else resize(this.#world, deployment, { set: newest, replicas: wanted(deployment) });
  }

  #hasPods(set: ReplicaSet): boolean {
    const { uid = '', namespace = '' } = set.metadata;
    if ((set.status?.replicas ?? 0) > 0) return true;
    const pods = this.#world.shelves.pods.ownedBy(uid, namespace);
    return pods.some(({ status }) => !['Failed', 'Succeeded'].includes(status?.phase ?? ''));
  }

  #forgetOldest(deployment: Deployment, olds: readonly ReplicaSet[]): void {
    if (!isComplete(deployment, statusOf(deployment))) return;
    const limit = (deployment.spec['revisionHistoryLimit'] ?? 10) as number;
    const alive = olds.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const beyond = [...byAge(alive)]
      .sort((a, b) => revisionOf(a) - revisionOf(b))
      .slice(0, Math.max(0, alive.length - limit));
    for (const { metadata, status, spec } of beyond) {
      if ((status?.replicas ?? 0) !== 0 || spec.replicas !== 0) continue;
      if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) continue;
      const { namespace = '', name } = metadata;
      this.#world.store.delete(RESOURCES.replicaSets, { namespace, name }, CONTROLLERS);
    }
  }

  #sets(deployment: Deployment): Sets {
    return setsOf(this.#world, deployment);
  }

  #live(deployment: Deployment): Deployment {
    return this.#world.shelves.deployments.get(keyOf(deployment)) ?? deployment;
  }

  #writeRevision(
    deployment: Deployment,
    revision: number,
    said: Parameters<typeof withCondition>[1] | null,
  ): void {
    const live = this.#live(deployment);
    const { annotations } = live.metadata;
    const status =
      said === null || deadlineMs(live) === null
        ? statusOf(live)
        : withCondition(statusOf(live), said, this.#world.clock.now());
    if (annotations?.[REVISION] === String(revision) && status === statusOf(live)) return;
    const noted = { ...annotations, [REVISION]: String(revision) };
    const metadata = { ...live.metadata, annotations: noted };
    const written = this.#write({ ...live, metadata }, status);
    // A real API server takes a Deployment's annotations with its status; a store that does not is told again.
    if (written.metadata.annotations?.[REVISION] === String(revision)) return;
    const again = { ...written, metadata: { ...written.metadata, annotations: noted } };
    this.#world.store.update(RESOURCES.deployments, again, CONTROLLERS);
  }

  /** Writes the status if it is another one. Milliseconds to the next look are up to the progress deadline. */
  #tell(
    deployment: Deployment,
    compute: (live: Deployment, sets: Sets) => DeploymentStatus,
  ): number | null {
    const live = this.#live(deployment);
    const status = compute(live, this.#sets(live));
    if (!same(status, statusOf(live))) this.#write(live, status);
    if (live.spec.paused === true) return null;
    const leftMs = deadlineLeftMs(live, status, this.#world.clock.now());
    return leftMs === null ? null : Math.max(0, leftMs) + PAST_DEADLINE_MS;
  }

  #write(deployment: Deployment, status: DeploymentStatus): Deployment {
    const changed = { ...deployment, status };
    return writeStatus(this.#world, RESOURCES.deployments, changed) as Deployment;
  }
}
