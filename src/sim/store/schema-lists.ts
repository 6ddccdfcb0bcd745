// How lists of the built-in kinds merge: the list types of Kubernetes' own schemas.
import type { ListTypes } from './kinds.ts';
import { METADATA_LISTS } from './schema-structure.ts';

type Keys = Readonly<Record<string, readonly string[]>>;

const CONTAINER: Keys = {
  ports: ['containerPort', 'protocol'],
  env: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  'resources.claims': ['name'],
};

const POD: Keys = {
  ...under('containers', CONTAINER, ['name']),
  ...under('initContainers', CONTAINER, ['name']),
  ...under('ephemeralContainers', CONTAINER, ['name']),
  volumes: ['name'],
  imagePullSecrets: ['name'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  resourceClaims: ['name'],
  schedulingGates: ['name'],
};

function under(path: string, keys: Keys, own?: readonly string[]): Keys {
  const below = Object.entries(keys).map(([key, names]) => [`${path}.${key}`, names]);
  return { ...Object.fromEntries(below), ...(own === undefined ? {} : { [path]: own }) };
}

const CONDITIONS: Keys = { 'status.conditions': ['type'] };
const WORKLOAD: Keys = {
  ...under('spec.template.spec', POD),
  ...under('spec.template', METADATA_LISTS),
  ...CONDITIONS,
};

const LISTS: Readonly<Record<string, Keys>> = {
  'apps/deployments': WORKLOAD,
  'apps/daemonsets': WORKLOAD,
  'apps/statefulsets': WORKLOAD,
  'apps/replicasets': WORKLOAD,
  '/pods': { ...under('spec', POD), ...CONDITIONS, 'status.podIPs': ['ip'] },
  '/services': { 'spec.ports': ['port', 'protocol'], ...CONDITIONS },
  '/namespaces': CONDITIONS,
  'autoscaling/horizontalpodautoscalers': CONDITIONS,
  'apiextensions.k8s.io/customresourcedefinitions': CONDITIONS,
};

/** Objects that are owned as a whole, wherever they are. */
const WHOLE_ANYWHERE =
  /(?:^|\.)(?:configMapKeyRef|secretKeyRef|fieldRef|resourceFieldRef|nodeSelector|labelSelector|involvedObject|nodeSelectorTerms)$/;

/** `kind` is group and plural: `apps/deployments`. */
export function coreListTypes(kind: string): ListTypes {
  const keys = new Map(Object.entries({ ...METADATA_LISTS, ...LISTS[kind] }));
  const wholeSelector = kind.startsWith('apps/') || kind === '/services';
  const wholes = new Map<string, boolean>();
  return {
    keysAt: (path) => keys.get(path) ?? null,
    wholeAt: (path) => {
      let whole = wholes.get(path);
      if (whole === undefined) {
        whole = (wholeSelector && path === 'spec.selector') || WHOLE_ANYWHERE.test(path);
        wholes.set(path, whole);
      }
      return whole;
    },
  };
}
