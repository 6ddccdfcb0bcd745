// The EndpointSlice controller: one slice for each Service with a selector, and what the data plane reads of it.
import { keyOf, type Pod, type Service } from '../../api/kubernetes.ts';
import { RESOURCES } from '../../client/resources.ts';
import { isReady } from '../../workloads/replaced.ts';
import { Agenda } from './agenda.ts';
import { type EndpointSlice, nameEnding, ownerOf, same, selects } from './kinds.ts';
import { controllerOf, isOf } from './shelves.ts';
import { CONTROLLERS, objectKey, type Seen, type World } from './world.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';

export class Endpoints {
  readonly #world: World;
  readonly #agenda: Agenda;

  constructor(world: World) {
    this.#world = world;
    const { clock, random, nature } = world;
    const look = (key: string) => this.#look(key);
    this.#agenda = new Agenda({ clock, random, delay: nature.endpointDelay, look });
  }

  see(seen: Seen): void {
    if (isOf(seen, RESOURCES.services)) this.#agenda.wake(keyOf(seen.object));
    else if (isOf(seen, RESOURCES.pods)) this.#wakeServicesOf(seen);
    else if (isOf(seen, RESOURCES.endpointSlices) && seen.type === 'DELETED') {
      const service = controllerOf(seen.object);
      const { namespace = '' } = seen.object.metadata;
      if (service !== null)
        this.#agenda.wake(keyOf({ metadata: { namespace, name: service.name } }));
    }
  }

  stop(): void {
    this.#agenda.stop();
  }

  readyEndpoints(namespace: string, service: string): number {
    return this.#ready(namespace, service).length;
  }

  /** The pods of the ready addresses, as the slice has them: later than the pods' own word, and maybe gone since. */
  podsBehind(namespace: string, service: string): readonly Pod[] {
    const { pods } = this.#world.shelves;
    return this.#ready(namespace, service)
      .map(({ targetRef }) => pods.get(keyOf({ metadata: { namespace, name: targetRef.name } })))
      .filter((pod) => pod !== null);
  }

  #ready(namespace: string, service: string): EndpointSlice['endpoints'] {
    const key = keyOf({ metadata: { namespace, name: service } });
    const found = this.#world.shelves.services.get(key);
    const slice = found === null ? null : this.#sliceOf(found);
    return slice?.endpoints.filter(({ conditions }) => conditions.ready) ?? [];
  }

  #wakeServicesOf({ object, before }: Seen): void {
    for (const service of this.#world.shelves.services.in(object.metadata.namespace ?? '')) {
      const matchLabels = service.spec.selector;
      if (matchLabels === undefined) continue;
      const fits = [object, before].some(
        (pod) => pod !== null && selects({ matchLabels }, pod.metadata.labels ?? {}),
      );
      if (fits) this.#agenda.wake(keyOf(service));
    }
  }

  #sliceOf({ metadata }: Service): EndpointSlice | null {
    const { uid = '', namespace = '' } = metadata;
    const slices = this.#world.shelves.slices.ownedBy(uid, namespace);
    return slices.find(({ metadata: { labels } }) => labels?.[MANAGED_BY] === BY) ?? null;
  }

  #look(key: string): number | null {
    const { shelves, store } = this.#world;
    const service = shelves.services.get(key);
    if (service === null || service.metadata.deletionTimestamp !== undefined) return null;
    const slice = this.#sliceOf(service);
    if (!hasSelector(service)) {
      // As in a real cluster, what was there stays; nobody keeps it any more.
      return null;
    }
    const content = this.#content(service);
    if (slice === null) {
      store.create(RESOURCES.endpointSlices, newSlice(service, content, this.#world), CONTROLLERS);
    } else if (!same(content.endpoints, slice.endpoints) || !same(content.ports, slice['ports'])) {
      store.update(RESOURCES.endpointSlices, { ...slice, ...content }, CONTROLLERS);
    }
    return null;
  }

  #content(service: Service) {
    const matchLabels = service.spec.selector ?? {};
    const pods = this.#world.shelves.pods
      .in(service.metadata.namespace ?? '')
      .filter((pod) => selects({ matchLabels }, pod.metadata.labels ?? {}))
      .filter(({ status }) => ipOf(status) !== '' && status?.phase === 'Running');
    const always = service.spec['publishNotReadyAddresses'] === true;
    return { ports: portsOf(service, pods), endpoints: pods.map((pod) => endpointOf(pod, always)) };
  }
}

const BY = 'endpointslice-controller.k8s.io';

function hasSelector({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && Object.keys(spec.selector ?? {}).length > 0;
}

function newSlice(
  service: Service,
  content: { readonly ports: readonly object[]; readonly endpoints: readonly object[] },
  world: World,
) {
  const { name, namespace = '' } = objectKey(service);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${nameEnding(world.random)}`,
      generateName: `${name}-`,
      namespace,
      labels: { ...service.metadata.labels, [SERVICE_NAME]: name, [MANAGED_BY]: BY },
      ownerReferences: [ownerOf(service)],
    },
    addressType: 'IPv4',
    ...content,
  };
}

function endpointOf(pod: Pod, always: boolean) {
  const { name, namespace = '', uid = '', deletionTimestamp } = pod.metadata;
  const serving = isReady(pod);
  const terminating = deletionTimestamp !== undefined;
  return {
    addresses: [ipOf(pod.status)],
    conditions: { ready: always || (serving && !terminating), serving, terminating },
    nodeName: pod.spec?.nodeName ?? '',
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

function portsOf({ spec }: Service, pods: readonly Pod[]): readonly object[] {
  return (spec.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port, targetPort = port }) => {
    const number = typeof targetPort === 'number' ? targetPort : namedPort(targetPort, pods);
    return number === null ? [] : [{ name, protocol, port: number }];
  });
}

function namedPort(name: string, pods: readonly Pod[]): number | null {
  const containers = (pods[0]?.spec?.['containers'] ?? []) as readonly {
    readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  }[];
  const ports = containers.flatMap(({ ports: each = [] }) => each);
  return ports.find((port) => port.name === name)?.containerPort ?? null;
}

function ipOf(status: Pod['status']): string {
  return (status as { readonly podIP?: string } | undefined)?.podIP ?? '';
}
