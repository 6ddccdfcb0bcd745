// What the API server fills into objects of the built-in kinds.
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Fields, fieldsOf, filled, itemsOf, mapped, withField } from './schema-values.ts';

/** Fills in what is missing; the object itself if nothing is. `before` is null on creation. */
export type CoreFiller = (object: KubeObject, before: KubeObject | null) => KubeObject;

/** By group and plural, for the kinds that have defaults. */
export const CORE_FILLERS: Readonly<Record<string, CoreFiller>> = {
  'apps/deployments': onSpec(deploymentSpec),
  'apps/daemonsets': onSpec(daemonSetSpec),
  'apps/statefulsets': onSpec(statefulSetSpec),
  'apps/replicasets': onSpec((spec) => withPods(filled(spec, { replicas: 1 }))),
  '/services': (object, before) =>
    withField(object, 'spec', serviceSpec(object, fieldsOf(before?.['spec']))),
  '/secrets': secret,
  '/pods': onSpec((spec) => filled(podSpec(spec), { enableServiceLinks: true })),
  '/namespaces': namespace,
  'autoscaling/horizontalpodautoscalers': onSpec(scalerSpec),
  'networking.k8s.io/ingresses': onSpec((spec) => spec),
  'discovery.k8s.io/endpointslices': (object) =>
    withField(
      object,
      'ports',
      mapped(itemsOf(object['ports']), (port) => filled(port, TCP)),
    ),
};

const TCP: Fields = { protocol: 'TCP' };

function onSpec(fill: (spec: Fields) => Fields): CoreFiller {
  return (object) => withField(object, 'spec', fill(fieldsOf(object['spec'])));
}

const DEPLOYMENT: Fields = {
  replicas: 1,
  revisionHistoryLimit: 10,
  progressDeadlineSeconds: 600,
};

function deploymentSpec(given: Fields): Fields {
  const spec = withPods(filled(given, DEPLOYMENT));
  return withField(spec, 'strategy', rolling(spec['strategy'], DEPLOYMENT_ROLLING));
}

const DEPLOYMENT_ROLLING: Fields = { maxUnavailable: '25%', maxSurge: '25%' };
const DAEMON_SET_ROLLING: Fields = { maxUnavailable: 1, maxSurge: 0 };
const STATEFUL_SET_ROLLING: Fields = { partition: 0 };

function rolling(given: unknown, defaults: Fields): Fields {
  const strategy = filled(given, { type: 'RollingUpdate' });
  if (strategy['type'] !== 'RollingUpdate') return strategy;
  return withField(strategy, 'rollingUpdate', filled(strategy['rollingUpdate'], defaults));
}

function daemonSetSpec(given: Fields): Fields {
  const spec = withPods(filled(given, { revisionHistoryLimit: 10 }));
  return withField(spec, 'updateStrategy', rolling(spec['updateStrategy'], DAEMON_SET_ROLLING));
}

const STATEFUL_SET: Fields = {
  replicas: 1,
  revisionHistoryLimit: 10,
  podManagementPolicy: 'OrderedReady',
  persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
};

function statefulSetSpec(given: Fields): Fields {
  const spec = withPods(filled(given, STATEFUL_SET));
  return withField(spec, 'updateStrategy', rolling(spec['updateStrategy'], STATEFUL_SET_ROLLING));
}

function withPods(spec: Fields): Fields {
  const template = fieldsOf(spec['template']);
  if (template['spec'] === undefined) return spec;
  return withField(
    spec,
    'template',
    withField(template, 'spec', podSpec(fieldsOf(template['spec']))),
  );
}

const POD: Fields = {
  restartPolicy: 'Always',
  dnsPolicy: 'ClusterFirst',
  schedulerName: 'default-scheduler',
  securityContext: {},
  terminationGracePeriodSeconds: 30,
};

function podSpec(given: Fields): Fields {
  let spec = filled(given, POD);
  for (const key of ['containers', 'initContainers']) {
    const list = spec[key];
    if (Array.isArray(list)) spec = withField(spec, key, mapped(list, container));
  }
  // The older name of the account is filled in from the newer one.
  if (spec['serviceAccountName'] !== undefined) {
    spec = filled(spec, { serviceAccount: spec['serviceAccountName'] });
  }
  const { volumes } = spec;
  return Array.isArray(volumes) ? withField(spec, 'volumes', mapped(volumes, volume)) : spec;
}

const CONTAINER: Fields = {
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  resources: {},
};
const PROBE: Fields = {
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
};
const HTTP_GET: Fields = { path: '/', scheme: 'HTTP' };
const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;

function container(given: unknown): unknown {
  const { image } = fieldsOf(given);
  const imagePullPolicy = isLatest(typeof image === 'string' ? image : '')
    ? 'Always'
    : 'IfNotPresent';
  let out = filled(given, { ...CONTAINER, imagePullPolicy });
  for (const key of PROBES) {
    if (out[key] !== undefined) out = withField(out, key, probe(out[key]));
  }
  const { ports, env } = out;
  if (Array.isArray(ports)) {
    out = withField(
      out,
      'ports',
      mapped(ports, (port) => filled(port, TCP)),
    );
  }
  return Array.isArray(env) ? withField(out, 'env', mapped(env, variable)) : out;
}

/** No tag means `latest`; a digest without tag does not. */
function isLatest(image: string): boolean {
  const [name = '', digest] = image.split('@');
  const tag = /:([\w][\w.-]*)$/.exec(name)?.[1];
  return tag === 'latest' || (tag === undefined && digest === undefined);
}

function probe(given: unknown): Fields {
  const out = filled(given, PROBE);
  return out['httpGet'] === undefined
    ? out
    : withField(out, 'httpGet', filled(out['httpGet'], HTTP_GET));
}

function variable(given: unknown): unknown {
  const fields = fieldsOf(given);
  const source = fieldsOf(fields['valueFrom']);
  if (source['fieldRef'] === undefined) return given;
  const fieldRef = filled(source['fieldRef'], { apiVersion: 'v1' });
  return withField(fields, 'valueFrom', withField(source, 'fieldRef', fieldRef));
}

function volume(given: unknown): unknown {
  const fields = fieldsOf(given);
  if (Object.keys(fields).every((key) => key === 'name')) return { ...fields, emptyDir: {} };
  for (const key of ['configMap', 'secret', 'downwardAPI', 'projected']) {
    if (fields[key] !== undefined) {
      return withField(fields, key, filled(fields[key], { defaultMode: 420 }));
    }
  }
  return given;
}

const SERVICE: Fields = { type: 'ClusterIP', sessionAffinity: 'None' };
const ADDRESSED: Fields = {
  internalTrafficPolicy: 'Cluster',
  ipFamilies: ['IPv4'],
  ipFamilyPolicy: 'SingleStack',
};

function serviceSpec(object: KubeObject, before: Fields): Fields {
  const given = filled(object['spec'], SERVICE);
  const ports = mapped(itemsOf(given['ports']), servicePort);
  const spec = given['ports'] === undefined ? given : withField(given, 'ports', ports);
  if (spec['type'] === 'ExternalName') return spec;
  const known = before['type'] === 'ExternalName' ? {} : before;
  const { clusterIP, ...rest } = spec;
  // An update that leaves the address out, or empty, keeps it.
  const given4 = clusterIP === undefined || clusterIP === '' ? known['clusterIP'] : clusterIP;
  const address = given4 ?? addressOf(object);
  const addressed = clusterIP === address ? spec : { ...rest, clusterIP: address };
  const affinity = spec['type'] === 'ClusterIP' ? {} : { externalTrafficPolicy: 'Cluster' };
  return filled(addressed, { ...ADDRESSED, ...affinity, clusterIPs: [address] });
}

function servicePort(given: unknown): unknown {
  const { port, targetPort } = fieldsOf(given);
  const out = filled(given, TCP);
  return targetPort === undefined || targetPort === 0 || targetPort === ''
    ? { ...out, targetPort: port }
    : out;
}

/** An address of 10.96.0.0/12 that follows from the name, so that the same run has the same addresses. */
function addressOf({ metadata }: KubeObject): string {
  let hash = 2_166_136_261;
  for (const letter of `${metadata.namespace ?? ''}/${metadata.name}`) {
    hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 16_777_619) >>> 0;
  }
  return `10.${96 + ((hash >>> 16) & 15)}.${(hash >>> 8) & 255}.${hash & 255}`;
}

function secret(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object;
  const typed = object['type'] === undefined ? { ...object, type: 'Opaque' } : object;
  if (stringData === undefined) return typed;
  const texts = Object.entries(fieldsOf(stringData)).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString('base64'),
  ]);
  const data = { ...fieldsOf(object['data']), ...Object.fromEntries(texts) };
  return { ...rest, type: typed['type'], data };
}

function namespace(object: KubeObject): KubeObject {
  const { name, labels } = object.metadata;
  const named = filled(labels, { 'kubernetes.io/metadata.name': name });
  const metadata = withField({ ...object.metadata }, 'labels', named);
  const kept =
    named === labels ? object : { ...object, metadata: metadata as KubeObject['metadata'] };
  const spec = filled(kept['spec'], { finalizers: ['kubernetes'] });
  return withField(
    withField(kept, 'spec', spec),
    'status',
    filled(kept['status'], { phase: 'Active' }),
  );
}

const CPU: Fields = {
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
};
const SCALE_UP: Fields = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const SCALE_DOWN: Fields = {
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};

function scalerSpec(given: Fields): Fields {
  const spec = filled(given, { minReplicas: 1, metrics: [CPU] });
  const { behavior } = spec;
  if (behavior === undefined) return spec;
  const { scaleUp, scaleDown } = fieldsOf(behavior);
  const up = withField(fieldsOf(behavior), 'scaleUp', filled(scaleUp, SCALE_UP));
  return withField(spec, 'behavior', withField(up, 'scaleDown', filled(scaleDown, SCALE_DOWN)));
}
