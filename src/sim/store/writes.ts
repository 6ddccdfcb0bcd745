// Checks of what a caller hands in, before it is a write: preconditions, names, and the parts that a verb leaves alone.
import type { KubeObject, ManagedFields } from '../../api/kubernetes.ts';
import type { ObjectKey, Resource } from '../../client/client.ts';
import { isFields, textOf } from '../../client/fields.ts';
import { sameJson } from './frozen-json.ts';
import { generatedName } from './lifetime.ts';
import * as refusals from './refusals.ts';
import type { Attempt } from './refusals.ts';
import { needsVersion } from './strategies.ts';

const NAME_TRIES_MAX = 8;

export function attemptOf(
  verb: string,
  resource: Resource,
  { namespace, name }: ObjectKey,
  { subresource }: { readonly subresource?: string | undefined },
): Attempt {
  const key = namespace === undefined ? { name } : { namespace, name };
  return { verb, resource, key, subresource };
}

/** Throws if what is to be written was made of another state of the object than the stored one. */
export function refuseOutdated(attempt: Attempt, live: KubeObject, wanted: KubeObject): void {
  const { uid = '', resourceVersion = '' } = wanted.metadata;
  if (uid !== '' && uid !== live.metadata.uid) {
    throw refusals.otherUid(attempt, uid, live.metadata.uid ?? '');
  }
  if (resourceVersion === '') {
    if (needsVersion(attempt.resource)) throw refusals.versionMissing(attempt);
  } else if (resourceVersion !== live.metadata.resourceVersion) {
    throw refusals.conflict(attempt);
  }
}

/** Empty if there is neither a name nor the beginning of one. */
export function nameOf(
  { metadata }: KubeObject,
  random: () => number,
  taken: (name: string) => boolean,
): string {
  const name = textOf(metadata.name) ?? '';
  const { generateName = '' } = metadata;
  if (name !== '' || generateName === '') return name;
  let generated = generatedName(generateName, random);
  for (let tries = 1; tries < NAME_TRIES_MAX && taken(generated); tries++) {
    generated = generatedName(generateName, random);
  }
  return generated;
}

export function refuseNameless(attempt: Attempt): void {
  if (attempt.key.name !== '') return;
  const message = 'Required value: name or generateName is required';
  throw refusals.invalid(attempt, [
    { reason: 'FieldValueRequired', field: 'metadata.name', message },
  ]);
}

/** A patch may change whatever it likes, but not which object it is about. */
export function refuseOther(attempt: Attempt, wanted: KubeObject, tested: boolean): void {
  if (!isFields(wanted) || !isFields(wanted.metadata)) {
    throw refusals.unprocessable(attempt, tested);
  }
  const { name } = wanted.metadata;
  if (name === attempt.key.name) return;
  throw refusals.badRequest(
    attempt,
    `the name of the object (${name}) does not match the name on the URL (${attempt.key.name})`,
  );
}

/** What is applied, as an object with the name that the call is about. */
export function appliedBody(attempt: Attempt, body: unknown): KubeObject {
  const { key, resource } = attempt;
  if (!isFields(body) || typeof body['apiVersion'] !== 'string') {
    throw refusals.badRequest(attempt, 'apiVersion must be set in the applied object');
  }
  const { apiVersion, kind } = body;
  const given = isFields(body['metadata']) ? body['metadata'] : {};
  const name = textOf(given['name']) ?? key.name;
  if (name !== key.name) {
    const message = `the name of the object (${name}) does not match the name on the URL (${key.name})`;
    throw refusals.badRequest(attempt, message);
  }
  const metadata = { ...given, ...key };
  return { ...body, apiVersion, kind: typeof kind === 'string' ? kind : resource.kind, metadata };
}

/** Without what the subresource cannot set, and without preconditions, which nobody owns. */
export function settable(attempt: Attempt, given: KubeObject, hasStatus: boolean): KubeObject {
  const { metadata, status, ...rest } = given;
  const { resourceVersion: _version, uid: _uid, ...owned } = metadata;
  const { apiVersion, kind } = given;
  if (attempt.subresource !== 'status') {
    return { ...rest, apiVersion, kind, metadata: owned, ...(!hasStatus && { status }) };
  }
  return {
    apiVersion,
    kind,
    metadata: { ...attempt.key },
    ...(status !== undefined && { status }),
  };
}

/** Nobody's write: only the times in the managed fields differ. */
export function sameButTimes(a: KubeObject, b: KubeObject): boolean {
  const { managedFields: ofA = [], ...metadataA } = a.metadata;
  const { managedFields: ofB = [], ...metadataB } = b.metadata;
  return (
    sameJson(ofA.map(untimed), ofB.map(untimed)) &&
    sameJson({ ...a, metadata: metadataA }, { ...b, metadata: metadataB })
  );
}

function untimed({ time: _time, ...entry }: ManagedFields): Omit<ManagedFields, 'time'> {
  return entry;
}
