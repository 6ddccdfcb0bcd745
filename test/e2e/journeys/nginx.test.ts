// ingress-nginx: weights stand in the annotations of a canary Ingress next to the user's own, which nobody touches.
import { expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { Chronicle, requestsOf, untilQuiet } from './chronicle.ts';
import {
  type CanaryOptions,
  condition,
  createCanary,
  deployTarget,
  imageOf,
  journey,
  type Journey,
  setImage,
  untilCanary,
  untilEvent,
  untilPhase,
} from './journey.ts';

const SETTLE_MS = 5_000;
const INTERVAL_MS = 6_000;
/** Requests for a rollout of two steps, Events and the watch of its pods among them. */
const REQUESTS_MAX = 20;
const WEIGHT = 'nginx.ingress.kubernetes.io/canary-weight';

/** A step takes its settling time of 5 s at least: there is nobody to ask whether a weight is in force. */
const ROLLOUT = { limitMs: 90_000 };

describeE2E('an Ingress of ingress-nginx', () => {
  test('gets a canary Ingress, whose weight rises and falls as the route does elsewhere', async () => {
    await journey(async (walk) => {
      const before = await makeIngress(walk);
      await using seen = new Chronicle(walk, ingresses(walk));
      await installed(walk);
      await setImage(walk, 'web:2');
      const first = await atWeight(walk, 25);
      const second = await atWeight(walk, 50);
      const heldMs =
        (second.status.rollout?.stepSince ?? 0) - (first.status.rollout?.stepSince ?? 0);
      expect(heldMs, 'settling time').toBeGreaterThanOrEqual(5_000);
      // Inside of the interval: that is not waited for besides.
      expect(heldMs).toBeLessThan(SETTLE_MS + INTERVAL_MS);
      await untilPhase(walk, 'Succeeded', ROLLOUT);
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
      await expect.poll(() => weights(seen)).toEqual(['0', '25', '50', '0']);
      const made = await walk.api.get(`${ingresses(walk)}/web-canary`);
      expect(made.metadata.annotations).toMatchObject({
        'nginx.ingress.kubernetes.io/canary': 'true',
        'nginx.ingress.kubernetes.io/proxy-body-size': '8m',
        [WEIGHT]: '0',
      });
      expect(made.metadata.annotations).not.toHaveProperty('cert-manager.io/cluster-issuer');
      expect(made['spec']).toEqual({
        ingressClassName: 'nginx',
        rules: [
          {
            host: 'web.example',
            http: { paths: [{ path: '/', pathType: 'Prefix', backend: backend('web-canary') }] },
          },
        ],
      });
      const after = await walk.api.get(`${ingresses(walk)}/web`);
      expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    });
  });

  test('costs few requests to roll out in two steps, and none before and after', async () => {
    await journey(async (walk) => {
      await makeIngress(walk);
      await installed(walk);
      await untilQuiet(walk, 3_000);
      const before = requestsOf(walk).length;
      await setImage(walk, 'web:2');
      await untilPhase(walk, 'Succeeded', ROLLOUT);
      await untilQuiet(walk, 3_000);
      const asked = requestsOf(walk).slice(before);
      const story = asked.map(
        ({ verb, uri }) => `${verb} ${uri.replace(/^.*namespaces.[^/]*/, '')}`,
      );
      // The watch of the canary's pods is in the log when it ends: one more.
      expect(story.length + 1, story.join('\n')).toBeLessThanOrEqual(REQUESTS_MAX);
    });
  });

  test('is needed: a Canary without it is refused, and goes on when it comes', async () => {
    await journey(async (walk) => {
      await deployTarget(walk);
      await createCanary(walk, nginx());
      const { status } = await untilRefused(walk);
      expect(condition(status, 'Accepted')).toMatchObject({
        reason: 'IngressNotFound',
        message: expect.stringContaining(`Ingress ${walk.namespace}/web does not exist`),
      });
      await untilEvent(walk, 'IngressNotFound');
      expect(await walk.api.find(`${ingresses(walk)}/web-canary`)).toBeNull();
      await makeIngress(walk);
      const mended = await untilPhase(walk, 'Initialized', ROLLOUT);
      expect(condition(mended.status, 'Accepted')?.status).toBe('True');
    });
  });

  test('must lead to the apex Service: another backend is refused, and mended by its owner', async () => {
    await journey(async (walk) => {
      await makeIngress(walk, 'elsewhere');
      await deployTarget(walk);
      await createCanary(walk, nginx());
      const { status } = await untilRefused(walk);
      expect(condition(status, 'Accepted')?.message).toMatch(
        /^spec\.ingressRef: Ingress .*\/web has no backend web/,
      );
      expect(await walk.api.find(`${ingresses(walk)}/web-canary`)).toBeNull();
      await walk.api.patch(`${ingresses(walk)}/web`, { spec: { rules: rules('web') } });
      await untilPhase(walk, 'Initialized', ROLLOUT);
      expect(await walk.api.find(`${ingresses(walk)}/web-canary`)).not.toBeNull();
    });
  });

  test('has its canary Ingress put right when somebody raises the weight by hand', async () => {
    await journey(async (walk) => {
      await makeIngress(walk);
      await installed(walk);
      await walk.api.patch(`${ingresses(walk)}/web-canary`, {
        metadata: { annotations: { [WEIGHT]: '70' } },
      });
      await using seen = new Chronicle(walk, ingresses(walk));
      await expect.poll(() => weights(seen).at(-1), { timeout: 15_000 }).toBe('0');
    });
  });
});

function nginx(options: CanaryOptions = {}): CanaryOptions {
  const ingressRef = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'web' };
  return {
    ...options,
    analysis: { interval: `${INTERVAL_MS}ms`, ...options.analysis },
    spec: { provider: 'nginx', ingressRef },
    service: { gatewayRefs: undefined },
  };
}

async function installed(walk: Journey): Promise<void> {
  await deployTarget(walk);
  await createCanary(walk, nginx());
  await untilPhase(walk, 'Initialized', ROLLOUT);
}

function ingresses({ namespace }: Journey): string {
  return `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses`;
}

function backend(name: string): object {
  return { service: { name, port: { number: 80 } } };
}

function rules(service: string): readonly object[] {
  const paths = [{ path: '/', pathType: 'Prefix', backend: backend(service) }];
  return [{ host: 'web.example', http: { paths } }];
}

function makeIngress(walk: Journey, service = 'web'): Promise<KubeObject> {
  return walk.api.post(ingresses(walk), {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name: 'web',
      annotations: {
        'nginx.ingress.kubernetes.io/proxy-body-size': '8m',
        'cert-manager.io/cluster-issuer': 'letsencrypt',
      },
    },
    spec: { ingressClassName: 'nginx', rules: rules(service) },
  });
}

/** The weights that the canary Ingress went through. */
function weights(seen: Chronicle): readonly string[] {
  const all = seen
    .of('Ingress', 'web-canary')
    .map(({ metadata }) => metadata.annotations?.[WEIGHT] ?? '');
  return all.filter((weight, index) => weight !== all[index - 1]);
}

function atWeight(walk: Journey, weight: number): ReturnType<typeof untilCanary> {
  return untilCanary(
    walk,
    `weight ${weight}`,
    ({ status }) => status.canaryWeight === weight,
    ROLLOUT,
  );
}

function untilRefused(walk: Journey): ReturnType<typeof untilCanary> {
  return untilCanary(
    walk,
    'the refusal',
    ({ status }) => condition(status, 'Accepted')?.status === 'False',
  );
}
