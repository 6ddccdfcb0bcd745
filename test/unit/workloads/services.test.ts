// The three Services, what of them is taken over, and what cannot be.
import { describe, expect, test } from 'vitest';
import type { Canary, ServiceSpec } from '../../../src/api/canary.ts';
import type { Container, PodTemplate, Service, ServicePort } from '../../../src/api/kubernetes.ts';
import {
  type Services,
  type ServicesInput,
  intact,
  renderServices,
  serviceConflicts,
} from '../../../src/workloads/services.ts';
import { calmCanary, calmService, calmTemplate } from './fixtures.ts';

function serving(over: Partial<ServiceSpec>): Canary {
  return { ...calmCanary, spec: { ...calmCanary.spec, service: { ...calmService, ...over } } };
}

function services(service: Partial<ServiceSpec> = {}, over: Partial<ServicesInput> = {}): Services {
  return renderServices({
    canary: serving(service),
    template: calmTemplate,
    label: { key: 'app', value: 'podinfo' },
    apexTo: 'primary',
    ...over,
  });
}

test('apex and primary select the primary, the canary Service selects the target', () => {
  const { apex, primary, canary } = services();
  expect(
    [apex, primary, canary].map(({ metadata, spec }) => [metadata.name, spec.selector]),
  ).toEqual([
    ['podinfo', { app: 'podinfo-primary' }],
    ['podinfo-primary', { app: 'podinfo-primary' }],
    ['podinfo-canary', { app: 'podinfo' }],
  ]);
});

test('the apex goes back to the target when there is no primary', () => {
  expect(services({}, { apexTo: 'target' }).apex.spec.selector).toEqual({ app: 'podinfo' });
});

test('an apex that was there before keeps type, address and its own label value', () => {
  const { apex } = services();
  expect(Object.keys(apex.spec).sort()).toEqual(['ports', 'selector']);
  const liveApex: Service = { ...apex, metadata: { name: 'podinfo', labels: { app: 'frontend' } } };
  expect(services({}, { liveApex }).apex.metadata.labels).toEqual({ app: 'frontend' });
});

test('what others manage is not rendered, and GitOps tools are told to stay away', () => {
  const { metadata } = services({
    apex: { labels: { team: 'a' }, annotations: { note: 'n', lb: 'x' } },
    unmanagedMetadata: { labels: ['app'], annotations: ['lb'] },
  }).apex;
  expect(metadata.labels).toEqual({ team: 'a' });
  expect(metadata.annotations).toMatchObject({
    note: 'n',
    'kustomize.toolkit.fluxcd.io/reconcile': 'disabled',
  });
  expect(metadata.annotations).not.toHaveProperty('lb');
});

describe('port discovery', () => {
  const withPorts = (...containers: Container[]): PodTemplate => ({
    ...calmTemplate,
    spec: { containers },
  });

  test('adds every other port once, without those of the mesh', () => {
    const template = withPorts(
      {
        name: 'a',
        ports: [
          { name: 'http', containerPort: 9898 },
          { containerPort: 9797 },
          { name: 'dns', containerPort: 53, protocol: 'UDP' },
        ],
      },
      { name: 'b', ports: [{ name: 'metrics', containerPort: 9797 }] },
      { name: 'istio-proxy', ports: [{ containerPort: 15090 }] },
    );
    expect(services({ portDiscovery: true }, { template }).apex.spec.ports).toEqual([
      { name: 'http', protocol: 'TCP', port: 80, targetPort: 'http' },
      { name: 'tcp-a-1', protocol: 'TCP', port: 9797, targetPort: 9797 },
      { name: 'dns', protocol: 'UDP', port: 53, targetPort: 53 },
    ]);
  });

  test('gives no two ports one name or one number', () => {
    const template = withPorts({
      name: 'a',
      ports: [
        { name: 'http', containerPort: 8080 },
        { name: 'web', containerPort: 80 },
      ],
    });
    const names = services({ portDiscovery: true, targetPort: 9898 }, { template }).apex.spec.ports;
    expect(names?.map(({ name, port }) => `${name}:${port}`)).toEqual(['http:80', 'tcp-8080:8080']);
  });
});

describe('a live Service', () => {
  const wanted = services({ appProtocol: 'http' }).apex;
  const live: Service = {
    ...wanted,
    metadata: { ...wanted.metadata, labels: { ...wanted.metadata.labels, helm: 'x' } },
    spec: {
      ...wanted.spec,
      type: 'LoadBalancer',
      clusterIP: '10.0.0.1',
      ports: [
        { port: 9090, name: 'mine' },
        { port: 80, name: 'http', targetPort: 'http', appProtocol: 'http', nodePort: 31000 },
      ],
    },
  };

  test('is intact with the defaults of the server and additions of others', () => {
    expect(intact(live, wanted)).toBe(true);
  });

  test.each<[string, Partial<Service['spec']>]>([
    ['its selector was put back', { selector: { app: 'podinfo' } }],
    ['its selector was narrowed', { selector: { app: 'podinfo-primary', tier: 'web' } }],
    [
      'a port leads elsewhere',
      { ports: [{ port: 80, name: 'http', targetPort: 81, appProtocol: 'http' }] },
    ],
  ])('is not intact when %s', (_, over) => {
    expect(intact({ ...live, spec: { ...live.spec, ...over } }, wanted)).toBe(false);
  });

  test('is not intact when we render less than before', () => {
    expect(
      intact(services({ apex: { labels: { team: 'a' }, annotations: {} } }).apex, services().apex),
    ).toBe(false);
  });
});

describe('a Service that no write can change is told with words', () => {
  const wanted = services().apex;
  const headless = services({ headless: true }).apex;
  const plain = { ...wanted, spec: { ...wanted.spec, clusterIP: '10.0.0.1' } };
  const outside = { ...wanted, spec: { type: 'ExternalName' } };

  test.each<[string, Service | undefined, Service, readonly string[]]>([
    ['headless, asked to have an address', headless, wanted, ['spec.service.headless']],
    ['with an address, asked to be headless', plain, headless, ['spec.service.headless']],
    ['an ExternalName', outside, wanted, ['spec.service.name']],
    ['one that fits is not', plain, wanted, []],
    ['one that is not there is not', undefined, wanted, []],
  ])('%s', (_, existing, rendered, paths) => {
    expect(serviceConflicts(existing, rendered).map(({ path }) => path)).toEqual(paths);
  });
});

describe('a port that the apex Service has already', () => {
  const names = (live: readonly ServicePort[], spec: Partial<ServiceSpec> = {}) => {
    const liveApex: Service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'podinfo' },
      spec: { ports: live },
    };
    const ports = (service: Service) => service.spec.ports?.map(({ name }) => name);
    const { apex, primary } = services(spec, { liveApex });
    return { apex: ports(apex), primary: ports(primary) };
  };
  const { port } = calmService;

  test('keeps its name, for endpoints follow a new one only after a while', () => {
    expect(names([{ name: 'web', port }])).toEqual({ apex: ['web'], primary: ['http'] });
    expect(names([{ port }])).toEqual({ apex: [undefined], primary: ['http'] });
  });

  test('is named where it must be: beside others', () => {
    expect(names([{ port }, { name: 'admin', port: 9000 }]).apex).toEqual(['http']);
  });

  test('is told by its protocol too', () => {
    expect(names([{ name: 'dns', protocol: 'UDP', port }]).apex).toEqual(['http']);
  });

  test('does not take the name of another port of ours', () => {
    const template: PodTemplate = {
      spec: { containers: [{ name: 'a', ports: [{ name: 'web', containerPort: 9000 }] }] },
    };
    const liveApex: Service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'podinfo' },
      spec: { ports: [{ name: 'web', port }] },
    };
    const { ports } = services({ portDiscovery: true }, { template, liveApex }).apex.spec;
    expect(ports?.map((each) => each.name)).toEqual(['http', 'web']);
  });
});

describe('the ports of a Service that was there before', () => {
  const [own] = services().apex.spec.ports ?? [];
  const found = (ports: readonly ServicePort[], annotations = {}) => {
    const metadata = { name: 'podinfo', annotations };
    const existing: Service = { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports } };
    return serviceConflicts(existing, services().apex).map(({ path }) => path);
  };
  const port = own?.port ?? 0;

  test.each([
    ['are ours already', [{ port }], []],
    ['have names of their own', [{ name: 'admin', port: 9000 }], []],
    ['have no name', [{ port: 9000 }], ['spec.service.port']],
    ['have the name of ours', [{ name: own?.name, port: 9000 }], ['spec.service.port']],
    ['are of another protocol', [{ name: 'dns', port, protocol: 'UDP' }], []],
  ])('%s', (_what, ports, paths) => {
    expect(found(ports as readonly ServicePort[])).toEqual(paths);
  });

  test('are as agreed once it is taken over', () => {
    const { annotations } = services().apex.metadata;
    expect(found([{ port: 9000 }], annotations)).toEqual([]);
  });
});
