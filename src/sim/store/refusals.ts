// The errors of a real API server: code, reason and message of each refusal, as the real client hands them on.
import type { KubeStatus, ObjectKey, Resource } from '../../client/client.ts';
import { ApiError, type ApiErrorKind } from '../../client/errors.ts';
import { describeObject } from '../../client/paths.ts';

type Cause = KubeStatus['causes'][number];

/** A verb on an object, for the messages. */
export interface Attempt {
  readonly verb: string;
  readonly resource: Resource;
  readonly key: ObjectKey;
  readonly subresource?: string | undefined;
}

interface Answer {
  readonly kind: ApiErrorKind;
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly causes?: readonly Cause[];
  readonly retryAfterSeconds?: number;
}

export function attemptText({ verb, resource, key, subresource }: Attempt): string {
  const of = subresource === undefined ? '' : `${subresource} of `;
  return `${verb} ${of}${describeObject(resource, key)}`;
}

export function refused(attempt: Attempt | string, answer: Answer): ApiError {
  const { kind, code, reason, message, causes = [], retryAfterSeconds = null } = answer;
  return new ApiError(typeof attempt === 'string' ? attempt : attemptText(attempt), {
    kind,
    code,
    status: { code, reason, message, causes, retryAfterSeconds },
    retryAfterMs: retryAfterSeconds === null ? null : retryAfterSeconds * 1000,
  });
}

/** `deployments.apps "web"`. */
function named({ resource, key }: Attempt): string {
  return `${qualified(resource.plural, resource.group)} "${key.name}"`;
}

function qualified(name: string, group: string): string {
  return group === '' ? name : `${name}.${group}`;
}

export function notFound(attempt: Attempt): ApiError {
  const message = `${named(attempt)} not found`;
  return refused(attempt, { kind: 'not-found', code: 404, reason: 'NotFound', message });
}

export function namespaceNotFound(attempt: Attempt, namespace: string): ApiError {
  const message = `namespaces "${namespace}" not found`;
  return refused(attempt, { kind: 'not-found', code: 404, reason: 'NotFound', message });
}

/** A subresource that the kind has not got. */
export function notServed(attempt: Attempt): ApiError {
  const message = 'the server could not find the requested resource';
  return refused(attempt, { kind: 'not-found', code: 404, reason: 'NotFound', message });
}

export function alreadyExists(attempt: Attempt): ApiError {
  const message = `${named(attempt)} already exists`;
  return refused(attempt, { kind: 'already-exists', code: 409, reason: 'AlreadyExists', message });
}

const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(attempt: Attempt, why: string = MODIFIED): ApiError {
  const message = `Operation cannot be fulfilled on ${named(attempt)}: ${why}`;
  return refused(attempt, { kind: 'conflict', code: 409, reason: 'Conflict', message });
}

/** The uid that an update names is not the stored one; `live` is empty where nothing is stored. */
export function otherUid(attempt: Attempt, wanted: string, live: string): ApiError {
  const { resource, key } = attempt;
  const place = key.namespace === undefined ? '' : `${key.namespace}/`;
  const path = `/registry/${resource.plural}/${place}${key.name}`;
  const why = `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${live}`;
  return conflict(
    attempt,
    `StorageError: invalid object, Code: 4, Key: ${path}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
  );
}

/** A precondition of a deletion that does not hold. */
export function deletionConflict(
  attempt: Attempt,
  what: 'UID' | 'ResourceVersion',
  { wanted, live }: { readonly wanted: string; readonly live: string },
): ApiError {
  const { resource, key } = attempt;
  const then = what === 'UID' ? 'deleted and then recreated' : 'modified';
  const why = `the ${what} in the precondition (${wanted}) does not match the ${what} in record (${live}). The object might have been ${then}`;
  const name = `${qualified(resource.kind, resource.group)} "${key.name}"`;
  const message = `Operation cannot be fulfilled on ${name}: ${why}`;
  return refused(attempt, { kind: 'conflict', code: 409, reason: 'Conflict', message });
}

/** 422: `subject` is the kind, or the resource where the server itself mixes them up. */
export function invalid(attempt: Attempt, causes: readonly Cause[], subject?: string): ApiError {
  const { resource, key } = attempt;
  const told = causes.map(({ field, message }) => `${field}: ${message}`);
  const list = told.length === 1 ? told.join('') : `[${told.join(', ')}]`;
  const name = `${qualified(subject ?? resource.kind, resource.group)} "${key.name}"`;
  const message = `${name} is invalid: ${list}`;
  return refused(attempt, { kind: 'invalid', code: 422, reason: 'Invalid', message, causes });
}

export function versionMissing(attempt: Attempt): ApiError {
  const cause: Cause = {
    reason: 'FieldValueInvalid',
    field: 'metadata.resourceVersion',
    message: 'Invalid value: 0: must be specified for an update',
  };
  return invalid(attempt, [cause], attempt.resource.plural);
}

export function newFinalizers(attempt: Attempt, finalizers: readonly string[]): ApiError {
  const list = finalizers.map((finalizer) => `"${finalizer}"`).join(', ');
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
  return invalid(attempt, [
    { reason: 'FieldValueForbidden', field: 'metadata.finalizers', message },
  ]);
}

/** A patch that does not fit the object; a failed `test` is a conflict to the caller. */
export function unprocessable(attempt: Attempt, tested: boolean): ApiError {
  const message = 'the server rejected our request due to an error in our request';
  const kind = tested ? 'conflict' : 'invalid';
  return refused(attempt, { kind, code: 422, reason: 'Invalid', message });
}

export function badRequest(attempt: Attempt | string, message: string): ApiError {
  return refused(attempt, { kind: 'invalid', code: 400, reason: 'BadRequest', message });
}

export function versionOnCreate(attempt: Attempt): ApiError {
  const message = 'resourceVersion should not be set on objects to be created';
  return refused(attempt, { kind: 'transient', code: 500, reason: '', message });
}

export function terminating(attempt: Attempt, namespace: string): ApiError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const message = `${named(attempt)} is forbidden: ${why}`;
  const cause: Cause = {
    reason: 'NamespaceTerminating',
    field: 'metadata.namespace',
    message: `namespace ${namespace} is being terminated`,
  };
  return refused(attempt, {
    kind: 'forbidden',
    code: 403,
    reason: 'Forbidden',
    message,
    causes: [cause],
  });
}

export function expired(attempt: string, message: string): ApiError {
  return refused(attempt, { kind: 'expired', code: 410, reason: 'Expired', message });
}

/** A version that the server has not reached, and did not reach within its patience. */
export function tooLarge(attempt: string, wanted: number, current: number): ApiError {
  const message = `Timeout: Too large resource version: ${wanted}, current: ${current}`;
  const cause = {
    reason: 'ResourceVersionTooLarge',
    field: '',
    message: 'Too large resource version',
  };
  return refused(attempt, {
    kind: 'expired',
    code: 504,
    reason: 'Timeout',
    message,
    causes: [cause],
    retryAfterSeconds: 1,
  });
}
