// Intents of people, read from annotations of the Canary: `serin.dev/<verb>: <revision>[/<step>]`.
import { INTENT_VERBS } from './canary.ts';
import type { Intent, IntentVerb } from './canary.ts';
import type { Findings } from './findings.ts';
import { isObject } from './json.ts';
import { quote } from './schema/check.ts';

const FORM = /^([0-9a-f]{8,64})(?:\/(0|[1-9][0-9]{0,5}))?$/;

/** The annotation in which an intent stands. */
export function intentAnnotation(verb: IntentVerb): string {
  return `serin.dev/${verb}`;
}

/** The annotation's value for an intent. `revision`: at least 8 of its hex digits. */
export function intentValue(revision: string, step: number | null): string {
  return step === null ? revision : `${revision}/${step}`;
}

/** Malformed ones are told as warnings and have no effect. */
export function parseIntents(
  annotations: Readonly<Record<string, string>>,
  managedFields: unknown,
  found: Findings,
): readonly Intent[] {
  return INTENT_VERBS.flatMap((verb) => {
    const key = intentAnnotation(verb);
    const value = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
    if (value === undefined || value === '') return [];
    const [, revision, step] = FORM.exec(value) ?? [];
    if (revision === undefined) {
      found.warn(
        'MalformedIntent',
        `metadata.annotations[${JSON.stringify(key)}]`,
        `is ignored: it must be <revision> or <revision>/<step>, with at least 8 hex digits of the revision; it is ${quote(value)}`,
      );
      return [];
    }
    const manager = managerOf(key, managedFields);
    return [{ verb, revision, step: step === undefined ? null : Number(step), value, manager }];
  });
}

/** The field manager that wrote the annotation last, as far as the server says. */
function managerOf(annotation: string, managedFields: unknown): string {
  let manager = '';
  let writtenAt = '';
  for (const entry of Array.isArray(managedFields) ? managedFields : []) {
    if (!isObject(entry) || typeof entry['manager'] !== 'string') continue;
    const fields = child(child(entry['fieldsV1'], 'f:metadata'), 'f:annotations');
    if (child(fields, `f:${annotation}`) === undefined) continue;
    const time = typeof entry['time'] === 'string' ? entry['time'] : '';
    if (manager !== '' && time < writtenAt) continue;
    manager = entry['manager'];
    writtenAt = time;
  }
  return manager.slice(0, 128);
}

function child(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
