// A Deployment's ReplicaSets: which one is of its newest template, its name by hash, and the revision that each one is.
import type { Deployment, PodTemplate } from '../../api/kubernetes.ts';
import { RESOURCES } from '../../client/resources.ts';
import { canonicalJson } from '../../workloads/revision.ts';
import type { Sets } from './deployment-status.ts';
import { NAME_LETTERS, ownerOf, type ReplicaSet } from './kinds.ts';
import { byAge, DESIRED, limitsOf, MAX, newSize, sizeOf, wanted } from './sizes.ts';
import { CONTROLLERS, type World } from './world.ts';

const HASH = 'pod-template-hash';
export const REVISION = 'deployment.kubernetes.io/revision';
const HISTORY = 'deployment.kubernetes.io/revision-history';
/** Of a Deployment's annotations, these are its own and not its ReplicaSets'. */
const NOT_INHERITED: readonly string[] = [
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  HISTORY,
  DESIRED,
  MAX,
];

export function setsOf(world: World, deployment: Deployment): Sets {
  const { uid = '', namespace = '' } = deployment.metadata;
  const all = byAge(world.shelves.replicaSets.ownedBy(uid, namespace));
  const text = fingerprint(world, deployment.spec.template);
  const newest = all.find((set) => fingerprint(world, set.spec.template) === text) ?? null;
  return { newest, olds: all.filter((set) => set !== newest) };
}

export function revisionOf(set: ReplicaSet): number {
  const revision = Number(set.metadata.annotations?.[REVISION] ?? 0);
  return Number.isNaN(revision) ? 0 : revision;
}

/** Writes the revision and the inherited annotations onto a ReplicaSet that is there; false if all was so already. */
export function renumbered(
  world: World,
  deployment: Deployment,
  { newest, olds }: { readonly newest: ReplicaSet; readonly olds: readonly ReplicaSet[] },
): boolean {
  const had = newest.metadata.annotations ?? {};
  const annotations = { ...had, ...inheritedBy(deployment) };
  const next = nextRevision(olds);
  const now = revisionOf(newest);
  if (now < next) {
    annotations[REVISION] = String(next);
    if (now > 0) {
      const history = had[HISTORY];
      annotations[HISTORY] = history === undefined ? String(now) : `${history},${now}`;
    }
  }
  const minReadySeconds = readySeconds(deployment);
  const changed = Object.keys(annotations).some((key) => annotations[key] !== had[key]);
  if (!changed && (newest.spec.minReadySeconds ?? 0) === minReadySeconds) return false;
  const metadata = { ...newest.metadata, annotations };
  const spec = { ...newest.spec, minReadySeconds };
  world.store.update(RESOURCES.replicaSets, { ...newest, metadata, spec }, CONTROLLERS);
  return true;
}

/** Throws `already-exists` where another ReplicaSet has the name. */
export function createNewest(
  world: World,
  deployment: Deployment,
  olds: readonly ReplicaSet[],
): ReplicaSet {
  const { template, selector } = deployment.spec;
  const hash = hashOf(world, deployment);
  const labels = { ...template.metadata?.labels, [HASH]: hash };
  const { namespace } = deployment.metadata;
  const set = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      ...(namespace !== undefined && { namespace }),
      labels,
      annotations: {
        ...inheritedBy(deployment),
        ...sizeNotes(deployment),
        [REVISION]: String(nextRevision(olds)),
      },
      ownerReferences: [ownerOf(deployment)],
    },
    spec: {
      replicas: newSize(deployment, olds, 0),
      minReadySeconds: readySeconds(deployment),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  return world.store.create(RESOURCES.replicaSets, set, CONTROLLERS) as ReplicaSet;
}

/** Sets the size, with the notes that later tell a change of the Deployment's size from a rollout. False: it was so. */
export function resize(
  world: World,
  deployment: Deployment,
  { set, replicas }: { readonly set: ReplicaSet; readonly replicas: number },
): boolean {
  const notes = sizeNotes(deployment);
  const had = set.metadata.annotations ?? {};
  const noted = had[DESIRED] === notes[DESIRED] && had[MAX] === notes[MAX];
  if (noted && sizeOf(set) === replicas) return false;
  const metadata = { ...set.metadata, annotations: { ...had, ...notes } };
  const changed = { ...set, metadata, spec: { ...set.spec, replicas } };
  world.store.update(RESOURCES.replicaSets, changed, CONTROLLERS);
  return true;
}

function sizeNotes(deployment: Deployment): Record<string, string> {
  const replicas = wanted(deployment);
  return { [DESIRED]: String(replicas), [MAX]: String(replicas + limitsOf(deployment).surge) };
}

function inheritedBy({ metadata }: Deployment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([key]) => !NOT_INHERITED.includes(key)),
  );
}

function nextRevision(olds: readonly ReplicaSet[]): number {
  return olds.reduce((most, set) => Math.max(most, revisionOf(set)), 0) + 1;
}

function readySeconds({ spec }: Deployment): number {
  return (spec['minReadySeconds'] ?? 0) as number;
}

/** One text per template, whatever hash its labels hold. Templates are frozen, so each is read once. */
function fingerprint({ texts }: World, template: PodTemplate): string {
  const known = texts.get(template);
  if (known !== undefined) return known;
  const { [HASH]: _, ...labels } = template.metadata?.labels ?? {};
  const text = canonicalJson({ ...template, metadata: { ...template.metadata, labels } });
  texts.set(template, text);
  return text;
}

/** FNV-1a of 32 bits, written in the letters of Kubernetes; a collision changes it. */
function hashOf(world: World, deployment: Deployment): string {
  const collisions = (deployment.status as { readonly collisionCount?: number } | undefined)
    ?.collisionCount;
  const text = fingerprint(world, deployment.spec.template) + (collisions ?? '');
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return Array.from(String(hash), (digit) => NAME_LETTERS[digit.charCodeAt(0) % 27]).join('');
}
