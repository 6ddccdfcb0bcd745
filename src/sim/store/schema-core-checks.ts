// What the API server refuses in objects of the built-in kinds, as far as the operator could go wrong there.
import type { KubeObject } from '../../api/kubernetes.ts';
import { sameJson } from './frozen-json.ts';
import { badValue, bare, type Cause, invalidValue, requiredValue } from './schema-causes.ts';
import { fieldsOf, isObject, itemsOf } from './schema-values.ts';

/** `before` is null on creation. */
export type CoreCheck = (object: KubeObject, before: KubeObject | null) => readonly Cause[];

/** By group and plural. */
export const CORE_CHECKS: Readonly<Record<string, CoreCheck>> = {
  'apps/deployments': workload,
  'apps/daemonsets': workload,
  'apps/statefulsets': workload,
  'apps/replicasets': workload,
  '/services': service,
  '/configmaps': content,
  '/secrets': content,
  'autoscaling/horizontalpodautoscalers': scaler,
};

const IMMUTABLE = 'field is immutable';

function workload(object: KubeObject, before: KubeObject | null): readonly Cause[] {
  const spec = fieldsOf(object['spec']);
  const { replicas, selector } = spec;
  const causes: Cause[] = [];
  if (typeof replicas === 'number' && replicas < 0) {
    causes.push(invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0'));
  }
  if (selector === undefined) causes.push(requiredValue('spec.selector'));
  const template = fieldsOf(spec['template']);
  const labels = fieldsOf(fieldsOf(template['metadata'])['labels']);
  const wants = fieldsOf(fieldsOf(selector)['matchLabels']);
  if (Object.keys(wants).some((key) => wants[key] !== labels[key])) {
    const detail = '`selector` does not match template `labels`';
    causes.push(invalidValue('spec.template.metadata.labels', labels, detail));
  }
  const old = fieldsOf(before?.['spec']);
  if (before !== null && !sameJson(old['selector'], selector)) {
    causes.push(invalidValue('spec.selector', selector, IMMUTABLE));
  }
  if (old['template'] === template && before !== null) return causes;
  return [...causes, ...pods(template['spec'])];
}

function pods(given: unknown): readonly Cause[] {
  const path = 'spec.template.spec.containers';
  const containers = itemsOf(fieldsOf(given)['containers']);
  if (containers.length === 0) return [requiredValue(path)];
  const names = new Set<unknown>();
  return containers.flatMap((one, index) => {
    const { name, image } = fieldsOf(one);
    const causes: Cause[] = [];
    const at = `${path}[${index}]`;
    if (name === undefined || name === '') causes.push(requiredValue(`${at}.name`));
    if (image === undefined || image === '') causes.push(requiredValue(`${at}.image`));
    if (names.has(name)) {
      causes.push(badValue('FieldValueDuplicate', `${at}.name`, { value: name }));
    }
    names.add(name);
    return causes;
  });
}

function service(object: KubeObject, before: KubeObject | null): readonly Cause[] {
  const spec = fieldsOf(object['spec']);
  const old = fieldsOf(before?.['spec']);
  const causes: Cause[] = [];
  const ports = itemsOf(spec['ports']);
  const needsPorts = spec['type'] !== 'ExternalName' && spec['clusterIP'] !== 'None';
  if (needsPorts && ports.length === 0) causes.push(requiredValue('spec.ports'));
  causes.push(...servicePorts(ports));
  const kept = old['type'] !== 'ExternalName' && spec['type'] !== 'ExternalName';
  if (before !== null && kept && old['clusterIP'] !== spec['clusterIP']) {
    const addresses = spec['clusterIPs'] ?? [spec['clusterIP']];
    causes.push(invalidValue('spec.clusterIPs[0]', addresses, 'may not change once set'));
  }
  return causes;
}

const PORT_RANGE = 'must be between 1 and 65535, inclusive';

function servicePorts(ports: readonly unknown[]): readonly Cause[] {
  const names = new Set<unknown>();
  const numbers = new Set<string>();
  return ports.flatMap((one, index) => {
    const { name = '', port, protocol, nodePort } = fieldsOf(one);
    const at = `spec.ports[${index}]`;
    const causes: Cause[] = [];
    if (name === '' && ports.length > 1) causes.push(requiredValue(`${at}.name`));
    if (name !== '' && names.has(name)) {
      causes.push(badValue('FieldValueDuplicate', `${at}.name`, { value: name }));
    }
    if (typeof port !== 'number' || port < 1 || port > 65_535) {
      causes.push(invalidValue(`${at}.port`, port ?? 0, PORT_RANGE));
    }
    const number = `${String(protocol)} ${String(port)}`;
    if (numbers.has(number)) {
      const value = nodePort === undefined ? { protocol, port } : { protocol, port, nodePort };
      causes.push(badValue('FieldValueDuplicate', at, { value }));
    }
    names.add(name);
    numbers.add(number);
    return causes;
  });
}

function content(object: KubeObject, before: KubeObject | null): readonly Cause[] {
  if (before === null) return [];
  const causes: Cause[] = [];
  if (object.kind === 'Secret' && object['type'] !== before['type']) {
    causes.push(invalidValue('type', object['type'], IMMUTABLE));
  }
  if (before['immutable'] !== true) return causes;
  const fixed = 'field is immutable when `immutable` is set';
  for (const key of ['immutable', 'data', 'binaryData']) {
    if (!sameJson(object[key], before[key])) {
      causes.push(bare('FieldValueForbidden', key, fixed));
    }
  }
  return causes;
}

function scaler(object: KubeObject): readonly Cause[] {
  const { minReplicas, maxReplicas, scaleTargetRef } = fieldsOf(object['spec']);
  const causes: Cause[] = [];
  if (typeof minReplicas === 'number' && minReplicas < 1) {
    const detail = 'must be greater than or equal to 1';
    causes.push(invalidValue('spec.minReplicas', minReplicas, detail));
  }
  if (typeof maxReplicas !== 'number' || maxReplicas < 1) {
    causes.push(invalidValue('spec.maxReplicas', maxReplicas ?? 0, 'must be greater than 0'));
  } else if (typeof minReplicas === 'number' && maxReplicas < minReplicas) {
    const detail = 'must be greater than or equal to `minReplicas`';
    causes.push(invalidValue('spec.maxReplicas', maxReplicas, detail));
  }
  const { kind, name } = fieldsOf(scaleTargetRef);
  if (!isText(kind)) causes.push(requiredValue('spec.scaleTargetRef.kind'));
  if (!isText(name)) causes.push(requiredValue('spec.scaleTargetRef.name'));
  return causes;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-\w.]*[A-Za-z0-9])?)?$/;
const SUBDOMAIN_TEXT =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS_LABEL_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const LABEL_TEXT =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** Names and labels, of every kind. */
export const metadataCauses: CoreCheck = (object, before) => {
  const causes: Cause[] = [];
  const { name, labels } = object.metadata;
  if (before === null) causes.push(...nameCauses(object.kind, name));
  if (labels === before?.metadata.labels || !isObject(labels)) return causes;
  for (const value of Object.values(labels)) {
    const path = 'metadata.labels';
    if (typeof value !== 'string' || LABEL_VALUE.test(value)) {
      if (typeof value === 'string' && value.length > 63) {
        causes.push(invalidValue(path, value, 'must be no more than 63 bytes'));
      }
    } else causes.push(invalidValue(path, value, LABEL_TEXT));
  }
  return causes;
};

function nameCauses(kind: string, name: string): readonly Cause[] {
  const path = 'metadata.name';
  if (!isText(name)) return [requiredValue(path, 'name or generateName is required')];
  const short = kind === 'Service' || kind === 'Namespace';
  const limit = short ? 63 : 253;
  if (name.length > limit) {
    return [invalidValue(path, name, `must be no more than ${limit} bytes`)];
  }
  if (kind === 'Service' && !DNS_LABEL.test(name))
    return [invalidValue(path, name, DNS_LABEL_TEXT)];
  return SUBDOMAIN.test(name) ? [] : [invalidValue(path, name, SUBDOMAIN_TEXT)];
}
