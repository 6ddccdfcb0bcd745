// ConfigMaps and Secrets are part of a revision: a change rolls out, the primary keeps the promoted content, no value leaks.
import { expect, test } from 'vitest';
import type { ConfigObject, Deployment } from '../../../src/api/kubernetes.ts';
import { describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { Chronicle } from './chronicle.ts';
import {
  canaryOf,
  condition,
  createCanary,
  deployment,
  deployTarget,
  events,
  imageOf,
  initialized,
  journey,
  type Journey,
  setImage,
  untilCanary,
  untilPhase,
} from './journey.ts';

const PLANTED = 'xK9-planted-value-Qz';

describeE2E('a change of a config', () => {
  test.concurrent('rolls out, and the primary keeps the promoted content until then', async () => {
    await journey(async (walk) => {
      await put(walk, 'configmaps', 'settings', { data: { a: '1' }, binaryData: { b: 'AAEC' } });
      await initialized(walk, usingBoth(), held(walk));
      expect(await read(walk, 'configmaps', 'settings-primary')).toMatchObject({
        data: { a: '1' },
        binaryData: { b: 'AAEC' },
      });
      const primary = await deployment(walk, 'web-primary');
      expect(JSON.stringify(primary.spec.template)).toContain('"settings-primary"');
      await change(walk, 'configmaps', 'settings', { binaryData: { b: 'AwQF' } });
      const { status } = await untilPhase(walk, 'WaitingPromotion');
      expect(status.canaryWeight).toBe(50);
      expect((await read(walk, 'configmaps', 'settings-primary')).binaryData).toEqual({
        b: 'AAEC',
      });
      walk.hooks.open('/gate');
      await untilPhase(walk, 'Succeeded');
      expect((await read(walk, 'configmaps', 'settings-primary')).binaryData).toEqual({
        b: 'AwQF',
      });
    });
  });

  test.concurrent('of a Secret rolls out, and its values are told to nobody', async () => {
    await journey(async (walk) => {
      const stringData = { password: `${PLANTED}-1` };
      await put(walk, 'secrets', 'login', { type: 'Opaque', stringData });
      await initialized(walk, using('secretRef', 'login'));
      await change(walk, 'secrets', 'login', { stringData: { password: `${PLANTED}-2` } });
      await untilPhase(walk, 'Succeeded');
      const copy = await read(walk, 'secrets', 'login-primary');
      expect(copy.data?.['password']).toBe(base64(`${PLANTED}-2`));
      const told = [
        walk.operator.log,
        JSON.stringify(await events(walk)),
        JSON.stringify((await canaryOf(walk)).object),
        JSON.stringify(await deployment(walk, 'web-primary')),
        await walk.operator.metrics(),
      ];
      for (const text of told) {
        expect(text).not.toContain(PLANTED);
        expect(text).not.toContain(base64(`${PLANTED}-1`));
        expect(text).not.toContain(base64(`${PLANTED}-2`));
      }
    });
  });

  test.concurrent('in the middle takes the traffic off, restarts the pods and is one revision', async () => {
    await journey(async (walk) => {
      await using chronicle = new Chronicle(
        walk,
        `/apis/apps/v1/namespaces/${walk.namespace}/deployments`,
        `/apis/gateway.networking.k8s.io/v1/namespaces/${walk.namespace}/httproutes`,
      );
      await put(walk, 'configmaps', 'settings', { data: { a: '1' } });
      await initialized(walk, using('configMapRef', 'settings'), held(walk));
      await setImage(walk, 'web:2');
      const first = await untilPhase(walk, 'WaitingPromotion');
      await change(walk, 'configmaps', 'settings', { data: { a: '2' } });
      const second = await untilCanary(
        walk,
        'the config to be judged',
        ({ status }) =>
          status.phase === 'WaitingPromotion' &&
          status.lastAppliedSpec !== first.status.lastAppliedSpec,
      );
      const stamp = stampOf(await deployment(walk, 'web'));
      expect(stamp).not.toBe('');
      expect(second.status.history.length).toBe(2);
      const stamped = await chronicle.first<Deployment>(
        'Deployment',
        'web',
        (object) => stampOf(object) === stamp,
      );
      const drained = await chronicle.first(
        'HTTPRoute',
        'web',
        (route) =>
          weightOf(route) === 0 &&
          Number(route.metadata.resourceVersion) > Number(first.object.metadata.resourceVersion),
      );
      expect(drained).toBeLessThan(stamped);
      walk.hooks.open('/gate');
      await untilPhase(walk, 'Succeeded');
      expect((await read(walk, 'configmaps', 'settings-primary')).data).toEqual({ a: '2' });
      expect(stampOf(await deployment(walk, 'web-primary'))).toBe('');
    });
  });

  test.concurrent('that is put back ends the rollout without promotion', async () => {
    await journey(async (walk) => {
      await put(walk, 'configmaps', 'settings', { data: { a: '1' } });
      await initialized(walk, using('configMapRef', 'settings'), held(walk));
      await change(walk, 'configmaps', 'settings', { data: { a: '2' } });
      await untilPhase(walk, 'WaitingPromotion');
      await change(walk, 'configmaps', 'settings', { data: { a: '1' } });
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(status.history[0]?.outcome).toBe('reverted');
      expect((await read(walk, 'configmaps', 'settings-primary')).data).toEqual({ a: '1' });
    });
  });

  test.concurrent('that its owner keeps out of tracking rolls nothing out', async () => {
    await journey(async (walk) => {
      const metadata = { annotations: { 'serin.dev/config-tracking': 'disabled' } };
      await put(walk, 'configmaps', 'settings', { metadata, data: { a: '1' } });
      await put(walk, 'configmaps', 'tracked', { data: { a: '1' } });
      const before = await initialized(walk, {
        container: {
          envFrom: [{ configMapRef: { name: 'settings' } }, { configMapRef: { name: 'tracked' } }],
        },
      });
      const primary = JSON.stringify((await deployment(walk, 'web-primary')).spec.template);
      expect(primary).toContain('"settings"');
      expect(primary).toContain('"tracked-primary"');
      expect(await walk.api.find(pathOf(walk, 'configmaps', 'settings-primary'))).toBeNull();
      await change(walk, 'configmaps', 'settings', { data: { a: '2' } });
      await change(walk, 'configmaps', 'tracked', { data: { a: '2' } });
      const after = await untilPhase(walk, 'Succeeded');
      expect(after.status.history.length).toBe(before.status.history.length + 1);
      expect(Object.keys(after.status.trackedConfigs)).toEqual(['configmap/tracked']);
    });
  });

  test.concurrent('that is immutable is a new object of the same name, and the gap between is no revision', async () => {
    await journey(async (walk) => {
      await put(walk, 'configmaps', 'settings', { immutable: true, data: { a: '1' } });
      await initialized(walk, using('configMapRef', 'settings'));
      await walk.api.delete(pathOf(walk, 'configmaps', 'settings'));
      const missing = await untilCanary(
        walk,
        'the missing config to be told',
        ({ status }) => condition(status, 'Accepted')?.reason === 'ConfigNotFound',
      );
      expect(missing.status.phase).toBe('Initialized');
      expect(condition(missing.status, 'Accepted')?.message).toContain('settings');
      await put(walk, 'configmaps', 'settings', { immutable: true, data: { a: '2' } });
      const { status } = await untilPhase(walk, 'Succeeded');
      expect(status.history.length).toBe(1);
      const copy = await read(walk, 'configmaps', 'settings-primary');
      expect(copy.data).toEqual({ a: '2' });
      expect(copy.immutable ?? false).toBe(false);
    });
  });

  test.concurrent('that is optional may be missing, and rolls out once it is there', async () => {
    await journey(async (walk) => {
      const envFrom = [{ configMapRef: { name: 'settings', optional: true } }];
      await initialized(walk, { container: { envFrom } });
      expect(JSON.stringify((await deployment(walk, 'web-primary')).spec.template)).not.toContain(
        'settings-primary',
      );
      await put(walk, 'configmaps', 'settings', { data: { a: '1' } });
      await untilPhase(walk, 'Succeeded');
      expect(JSON.stringify((await deployment(walk, 'web-primary')).spec.template)).toContain(
        'settings-primary',
      );
      expect((await read(walk, 'configmaps', 'settings-primary')).data).toEqual({ a: '1' });
    });
  });

  test.concurrent('that is missing and needed is told, and heals when it comes', async () => {
    await journey(async (walk) => {
      await deployTarget(walk, using('secretRef', 'login'));
      await createCanary(walk);
      const { status } = await untilCanary(
        walk,
        'the missing Secret to be told',
        (seen) => condition(seen.status, 'Accepted')?.reason === 'ConfigNotFound',
      );
      expect(condition(status, 'Accepted')?.message).toContain('Secret login');
      await put(walk, 'secrets', 'login', { stringData: { a: 'b' } });
      await untilPhase(walk, 'Initialized');
      expect(await imageOf(walk, 'web-primary')).toBe('web:1');
      await until('the copy', () => walk.api.find(pathOf(walk, 'secrets', 'login-primary')));
    });
  });
});

type Plural = 'configmaps' | 'secrets';

function pathOf({ namespace }: Journey, plural: Plural, name: string): string {
  return `/api/v1/namespaces/${namespace}/${plural}/${name}`;
}

async function put(
  walk: Journey,
  plural: Plural,
  name: string,
  content: Record<string, unknown>,
): Promise<void> {
  const kind = plural === 'secrets' ? 'Secret' : 'ConfigMap';
  const { metadata, ...rest } = content as { metadata?: object };
  await walk.api.post(`/api/v1/namespaces/${walk.namespace}/${plural}`, {
    apiVersion: 'v1',
    kind,
    metadata: { name, ...metadata },
    ...rest,
  });
}

async function change(walk: Journey, plural: Plural, name: string, patch: object): Promise<void> {
  await walk.api.patch(pathOf(walk, plural, name), patch);
}

function read(walk: Journey, plural: Plural, name: string): Promise<ConfigObject> {
  return walk.api.get<ConfigObject>(pathOf(walk, plural, name));
}

function using(
  how: 'configMapRef' | 'secretRef',
  name: string,
): { readonly container: Record<string, unknown> } {
  return { container: { envFrom: [{ [how]: { name } }] } };
}

/** The same ConfigMap by a variable and by a volume. */
function usingBoth(): {
  readonly container: Record<string, unknown>;
  readonly pod: Record<string, unknown>;
} {
  const configMapKeyRef = { name: 'settings', key: 'a' };
  return {
    container: { env: [{ name: 'A', valueFrom: { configMapKeyRef } }] },
    pod: { volumes: [{ name: 'files', configMap: { name: 'settings' } }] },
  };
}

function held(walk: Journey): { readonly analysis: Record<string, unknown> } {
  walk.hooks.close('/gate');
  const gate = { name: 'gate', type: 'confirm-promotion', url: `${walk.hooks.url}/gate` };
  return { analysis: { webhooks: [gate] } };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function stampOf({ spec }: Deployment): string {
  return spec.template.metadata?.annotations?.['serin.dev/configs'] ?? '';
}

function weightOf(route: object): number {
  const { spec } = route as {
    spec: { rules: { backendRefs: { name: string; weight?: number }[] }[] };
  };
  return spec.rules[0]?.backendRefs.find(({ name }) => name === 'web-canary')?.weight ?? 0;
}
