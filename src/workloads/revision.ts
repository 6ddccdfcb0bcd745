// Names one version of a target: a digest over its pod template and the configs that the template refers to.
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { asRevision } from '../api/canary.ts';
import type { Revision } from '../api/canary.ts';
import type { PodTemplate } from '../api/kubernetes.ts';
import type { ConfigContent } from './kind.ts';

/** What Serin itself writes on objects starts so; it never makes a new revision. */
const OURS = 'serin.dev/';
const SHORT_LENGTH = 16;

/**
 * One text per value: keys sorted by code unit, `undefined` fields left out, no white space. Only for what JSON can
 * hold; a number that JSON cannot hold becomes null, as in `JSON.stringify`.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`;
}

/** 64 hex digits over the pod template, without what Serin writes on it. A rollout restart does change it. */
export function templateDigest(template: PodTemplate): string {
  return digestOf(digested(template));
}

/**
 * The revision of a template together with its tracked configs, given as `configmap/<name>` or `secret/<name>` to the
 * config's full digest.
 */
export function revisionOf(
  template: PodTemplate,
  configDigests: Readonly<Record<string, string>>,
): Revision {
  return asRevision(digestOf({ configs: configDigests, template: digested(template) }));
}

/** 64 hex digits over the content of a ConfigMap or Secret; names, labels and `immutable` do not count. */
export function configDigest(config: ConfigContent): string {
  const { kind, type, data, binaryData } = config;
  return digestOf({
    data: filled(data),
    binaryData: filled(binaryData),
    type: kind === 'Secret' ? (type ?? 'Opaque') : undefined,
  });
}

/** 64 hex digits over any JSON value. */
export function digestOf(value: unknown): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalJson(value))));
}

/** The first 16 hex digits of a digest, as shown in `status.trackedConfigs`. */
export function short(digest: string): string {
  return digest.slice(0, SHORT_LENGTH);
}

/** The template without labels and annotations of ours; maps that this leaves empty are left out, as a server would. */
export function withoutOurs(template: PodTemplate): PodTemplate {
  if (template.metadata === undefined) return template;
  const { labels, annotations, ...metadata } = template.metadata;
  const kept = { labels: foreignKeys(labels), annotations: foreignKeys(annotations) };
  return {
    ...template,
    metadata: {
      ...metadata,
      ...(kept.labels === undefined ? {} : { labels: kept.labels }),
      ...(kept.annotations === undefined ? {} : { annotations: kept.annotations }),
    },
  };
}

/** Of a template's metadata only labels and annotations reach the pods; older servers add a null creationTimestamp. */
function digested(template: PodTemplate): unknown {
  const { labels, annotations } = withoutOurs(template).metadata ?? {};
  return { ...template, metadata: { labels, annotations } };
}

function foreignKeys(
  record: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | undefined {
  return filled(
    Object.fromEntries(Object.entries(record ?? {}).filter(([key]) => !key.startsWith(OURS))),
  );
}

/** Servers and clients differ in whether they send an empty map. */
function filled(
  record: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | undefined {
  return record === undefined || Object.keys(record).length === 0 ? undefined : record;
}
