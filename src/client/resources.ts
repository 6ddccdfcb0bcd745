// The kinds that Serin knows by name; others are found by discovery.
import type { Resource } from './client.ts';

/** Versions that every supported Kubernetes (1.30 to 1.36) serves, where the kind is built in. */
export const RESOURCES = {
  deployments: namespaced('apps', 'v1', 'deployments', 'Deployment'),
  daemonSets: namespaced('apps', 'v1', 'daemonsets', 'DaemonSet'),
  statefulSets: namespaced('apps', 'v1', 'statefulsets', 'StatefulSet'),
  replicaSets: namespaced('apps', 'v1', 'replicasets', 'ReplicaSet'),
  controllerRevisions: namespaced('apps', 'v1', 'controllerrevisions', 'ControllerRevision'),
  services: namespaced('', 'v1', 'services', 'Service'),
  configMaps: namespaced('', 'v1', 'configmaps', 'ConfigMap'),
  secrets: namespaced('', 'v1', 'secrets', 'Secret'),
  pods: namespaced('', 'v1', 'pods', 'Pod'),
  coreEvents: namespaced('', 'v1', 'events', 'Event'),
  namespaces: clusterScoped('', 'v1', 'namespaces', 'Namespace'),
  events: namespaced('events.k8s.io', 'v1', 'events', 'Event'),
  horizontalPodAutoscalers: namespaced(
    'autoscaling',
    'v2',
    'horizontalpodautoscalers',
    'HorizontalPodAutoscaler',
  ),
  leases: namespaced('coordination.k8s.io', 'v1', 'leases', 'Lease'),
  endpointSlices: namespaced('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice'),
  ingresses: namespaced('networking.k8s.io', 'v1', 'ingresses', 'Ingress'),
  httpRoutes: namespaced('gateway.networking.k8s.io', 'v1', 'httproutes', 'HTTPRoute'),
  canaries: namespaced('serin.dev', 'v1beta1', 'canaries', 'Canary'),
  metricTemplates: namespaced('serin.dev', 'v1beta1', 'metrictemplates', 'MetricTemplate'),
  alertProviders: namespaced('serin.dev', 'v1beta1', 'alertproviders', 'AlertProvider'),
  customResourceDefinitions: clusterScoped(
    'apiextensions.k8s.io',
    'v1',
    'customresourcedefinitions',
    'CustomResourceDefinition',
  ),
} as const satisfies Record<string, Resource>;

function namespaced(group: string, version: string, plural: string, kind: string): Resource {
  return Object.freeze({ group, version, plural, kind, namespaced: true });
}

function clusterScoped(group: string, version: string, plural: string, kind: string): Resource {
  return Object.freeze({ group, version, plural, kind, namespaced: false });
}
