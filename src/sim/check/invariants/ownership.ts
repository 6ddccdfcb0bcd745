// S8 and S12: the operator writes to objects of its own Canaries only, under conditions, and no two Canaries share one.
import type { KubeObject } from '../../../api/kubernetes.ts';
import type { Change } from '../../store/change.ts';
import type { Case, Claim, Role } from '../cases.ts';
import type { AskedWrite, Bench, Invariant } from '../invariant.ts';
import { isOperators, ownersOf } from '../readings.ts';

/** On what Serin writes: the Canary that it was for, by name. */
const MARK = 'serin.dev/canary';
/** Kinds of the operator itself, about which no Canary has a say. */
const OF_ITSELF: ReadonlySet<string> = new Set(['leases', 'events']);
/** Named by a spec, written to, and still their owners'. */
const ADOPTED: ReadonlySet<Role> = new Set(['canary', 'target', 'apex']);

export const ownObjectsOnly: Invariant = {
  id: 'S8',
  title: 'each write is to an object of the Canary, by uid or by name, and under preconditions',
  guard: (bench) => ({
    commit(change) {
      if (!isOperators(change) || OF_ITSELF.has(change.resource.plural)) return;
      bench.judge(strayed(bench, change));
    },
    asked(write) {
      if (!OF_ITSELF.has(write.resource.plural)) bench.judge(unconditional(write));
    },
  }),
};

function strayed({ cases }: Bench, change: Change): string | null {
  const { resource, object, before, type } = change;
  const { namespace = '', name } = object.metadata;
  const what = `${object.kind} ${namespace}/${name}`;
  const claims = cases.claims(resource, object);
  // The last write to a Canary deletes it: nobody names it any more.
  if (resource.plural === 'canaries' || claims.some(({ role }) => ADOPTED.has(role)))
    return type === 'DELETED' && claims.some(({ role }) => role === 'target' || role === 'apex')
      ? `${what} is deleted, which belongs to somebody else`
      : null;
  const owners = [...ownersOf(object), ...(before === null ? [] : ownersOf(before))];
  const lives = (of: Case | null) => of !== null && !of.gone && of.namespace === namespace;
  if (owners.some((uid) => lives(cases.get(uid)))) return null;
  // A deletion lets the route go first, and takes out of it later what proxies may still follow.
  const handed = claims.some(({ of }) => isHandedBack(of, before));
  const abandoned = (owners.length > 0 && claims.length > 0) || handed;
  return abandoned ? null : `${what} belongs to no Canary of its namespace`;
}

/** Without an owner by then, but still marked with the name of the Canary that goes. */
function isHandedBack({ canary, namespace, name }: Case, before: KubeObject | null): boolean {
  const deleting = canary.metadata.deletionTimestamp !== undefined;
  return deleting && before?.metadata.annotations?.[MARK] === `${namespace}/${name}`;
}

/** Server-side apply is for what is owned whole, and a create needs no condition. */
function unconditional(write: AskedWrite): string | null {
  const { verb, resource, key, patch, resourceVersion, uid } = write;
  const what = `${verb} ${resource.plural} ${key.namespace ?? ''}/${key.name}`;
  switch (verb) {
    case 'create':
      return null;
    case 'deleteCollection':
      return `${what}: many at once`;
    case 'delete':
      return uid === undefined || resourceVersion === undefined
        ? `${what} without uid and resourceVersion`
        : null;
    case 'patch':
    case 'update':
    case 'scale':
      return resourceVersion === undefined && patch !== 'apply'
        ? `${what} without a resourceVersion`
        : null;
  }
}

export const oneCanaryEach: Invariant = {
  id: 'S12',
  title: 'of two Canaries that name one target, Service or route only the older one writes',
  guard: (bench) => ({
    commit(change) {
      if (!isOperators(change) || change.type === 'DELETED') return;
      const claims = bench.cases.claims(change.resource, change.object);
      const [elder, ...others] = claims.map(({ of }) => of).toSorted(older);
      if (elder === undefined || others.length === 0 || same(claims)) return;
      if (others.some((of) => bench.cases.excused(of)) || bench.cases.excused(elder)) return;
      const { object } = change;
      const writer = others.find(({ uid }) => takenBy(change, uid));
      const what = `${object.kind} ${object.metadata.name}`;
      bench.judge(
        writer === undefined ? null : `${what} of ${elder.name} is taken by ${writer.name}`,
      );
    },
  }),
};

function older(left: Case, right: Case): number {
  return left.createdAt === right.createdAt
    ? left.uid < right.uid
      ? -1
      : 1
    : left.createdAt < right.createdAt
      ? -1
      : 1;
}

function same(claims: readonly Claim[]): boolean {
  return new Set(claims.map(({ of }) => of.uid)).size === 1;
}

/** The write makes it that Canary's, or is to what was made so before. */
function takenBy({ object, before }: Change, uid: string): boolean {
  const held = (one: KubeObject | null): boolean => one !== null && ownersOf(one).includes(uid);
  // Letting go of it is what the younger one should do.
  return (
    held(object) &&
    (object.metadata.ownerReferences ?? []).length >=
      (before?.metadata.ownerReferences ?? []).length
  );
}
