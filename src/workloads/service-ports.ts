// The ports of a Canary's Services: the managed one, and with port discovery those that the containers tell.
import type { ServiceSpec } from '../api/canary.ts';
import type { Container, PodTemplate, ServicePort } from '../api/kubernetes.ts';

/** Containers of the mesh have ports that are nobody's service. */
const PROXIES = ['istio-proxy', 'envoy'];
/** Longest name of a Service port. */
const NAME_MAX = 63;

export function servicePorts(service: ServiceSpec, template: PodTemplate): readonly ServicePort[] {
  const managed: ServicePort = {
    name: service.portName,
    protocol: 'TCP',
    port: service.port,
    targetPort: service.targetPort,
    ...(service.appProtocol === null ? {} : { appProtocol: service.appProtocol }),
  };
  if (!service.portDiscovery) return [managed];
  const found = template.spec.containers
    .filter(({ name }) => !PROXIES.some((proxy) => name.includes(proxy)))
    .flatMap((container) => portsOf(container, service));
  return [...found].reduce<readonly ServicePort[]>(
    (ports, port) =>
      ports.some((known) => clash(known, port)) ? ports : [...ports, unique(ports, port)],
    [managed],
  );
}

/**
 * Ports that a Service has already keep their names. Endpoints are told by the name of their port, and follow a new name
 * some time after the Service: until then proxies would refuse every connection.
 */
export function namedAsBefore(
  ports: readonly ServicePort[],
  live: readonly ServicePort[],
): readonly ServicePort[] {
  const alone = ports.length === 1 && live.length === 1;
  return ports.map((port) => {
    const before = live.find((each) => clash({ protocol: 'TCP', ...each }, port));
    if (before === undefined || before.name === port.name) return port;
    const { name: _name, ...unnamed } = port;
    if (before.name === undefined) return alone ? unnamed : port;
    return ports.some(({ name }) => name === before.name) ? port : { ...port, name: before.name };
  });
}

/** All ports of the container but for the one that the managed port leads to. */
function portsOf(container: Container, service: ServiceSpec): readonly ServicePort[] {
  return (container.ports ?? []).flatMap(({ name, containerPort, protocol = 'TCP' }, index) => {
    const managed = name === service.targetPort || containerPort === service.targetPort;
    if (managed && protocol === 'TCP') return [];
    return [
      {
        name: fitting(name ?? `tcp-${container.name}-${index}`, containerPort),
        protocol,
        port: containerPort,
        targetPort: containerPort,
      },
    ];
  });
}

function fitting(name: string, port: number): string {
  return name.length > NAME_MAX ? `tcp-${port}` : name;
}

/** The API server keeps ports apart by number and protocol; the managed port wins. */
function clash(known: ServicePort, port: ServicePort): boolean {
  return known.port === port.port && known.protocol === port.protocol;
}

function unique(known: readonly ServicePort[], port: ServicePort): ServicePort {
  if (!known.some(({ name }) => name === port.name)) return port;
  return { ...port, name: `${(port.protocol ?? 'TCP').toLowerCase()}-${port.port}` };
}
