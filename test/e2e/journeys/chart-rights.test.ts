// The operator with the chart's rights and arguments alone: it takes a version from beginning to end, and nothing is refused it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  argumentsOf,
  describeChart,
  grantAsRendered,
  rendered,
  type Values,
} from '../cluster/chart.ts';
import { cluster, newNamespace } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import { startOwnPlane } from '../faults/own-plane.ts';
import {
  canariesPath,
  condition,
  createCanary,
  deployTarget,
  imageOf,
  initialized,
  type Journey,
  journey,
  type OperatorOptions,
  setImage,
  untilCanary,
  untilPhase,
} from './journey.ts';

/** What the journey gives the operator in its own way. */
const OF_JOURNEYS = /^--(?:port|metrics-server|namespace|log-level|log-encoding)=|^controller$/;

describeChart("the chart's rights", () => {
  test('of one namespace do for a whole life of a Canary, with its Secret, and lead', async () => {
    await installed({}, async (walk, { grant, refusals }) => {
      await grant({ namespaces: [walk.namespace] });
      await lives(walk);
      const copies = `/api/v1/namespaces/${walk.namespace}/secrets/login-primary`;
      expect(await walk.api.find(copies)).not.toBeNull();
      await letGo(walk);
      expect(refusals()).toEqual([]);
    });
  });

  test('of the cluster do for a whole life of a Canary, whose Secret is let alone', async () => {
    await using plane = await startOwnPlane();
    const options = { plane, everywhere: true };
    await installed(
      options,
      async (walk, { grant, refusals }) => {
        await grant({});
        await lives(walk);
        const secrets = `/api/v1/namespaces/${walk.namespace}/secrets`;
        const { items } = await walk.api.get<{ items: readonly unknown[] }>(secrets);
        expect(items).toHaveLength(1);
        await letGo(walk);
        expect(refusals()).toEqual([]);
      },
      plane.auditLog,
    );
  });

  test('without Secrets, where they are tracked all the same, are what the Canary names', async () => {
    await installed({}, async (walk, { grant }) => {
      const secrets = { namespaces: [walk.namespace], configTracking: { secrets: 'none' } };
      await grant({ ...secrets, extraArgs: ['--enable-config-tracking=true'] });
      await putSecret(walk);
      await deployTarget(walk, usingSecret());
      await createCanary(walk);
      const { status } = await untilCanary(walk, 'word of the missing right', (seen) => {
        return condition(seen.status, 'Accepted')?.reason === 'ConfigForbidden';
      });
      expect(condition(status, 'Accepted')?.message).toContain(
        `grant the operator list, watch and get on secrets in namespace ${walk.namespace}`,
      );
    });
  });
});

interface Installed {
  /** Gives the rights of the chart with these values, and starts the operator with them and the chart's arguments. */
  readonly grant: (values: Values) => Promise<void>;
  /** What the operator asked for and was refused, as the API server's audit log has it. */
  readonly refusals: () => readonly string[];
}

async function installed(
  options: OperatorOptions,
  walk: (journey: Journey, installed: Installed) => Promise<void>,
  auditLog: string = cluster().auditLog,
): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'serin-chart-'));
  const kubeconfig = join(dir, 'kubeconfig');
  const flags: string[] = [];
  try {
    await journey(
      async (started) => {
        await using release = await newNamespace(started.api, 'release');
        const namespace = release.name;
        const grant = async (values: Values): Promise<void> => {
          const objects = await rendered(values, namespace);
          await grantAsRendered(started.api, objects, { namespace, file: kubeconfig });
          flags.push(...argumentsOf(objects).filter((word) => !OF_JOURNEYS.test(word)));
          // The first had no kubeconfig yet.
          await started.operator.end();
          started.startOperator();
        };
        const account = `system:serviceaccount:${namespace}:serin`;
        await walk(started, { grant, refusals: () => refusalsOf(auditLog, account) });
      },
      { ...options, kubeconfig, flags },
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface AuditLine {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly responseStatus?: { readonly code?: number };
}

function refusalsOf(auditLog: string, user: string): readonly string[] {
  const lines = readFileSync(auditLog, 'utf8').split('\n').slice(0, -1);
  const calls = lines
    .map((line) => JSON.parse(line) as AuditLine)
    .filter(({ user: { username } }) => username === user);
  if (calls.length === 0) throw new Error(`the audit log has no call of ${user}`);
  return calls
    .filter(({ responseStatus }) => responseStatus?.code === 403)
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

async function putSecret(walk: Journey): Promise<void> {
  await walk.api.post(`/api/v1/namespaces/${walk.namespace}/secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'login' },
    stringData: { password: 'word' },
  });
}

function usingSecret(): { readonly container: Record<string, unknown> } {
  const envFrom = [{ secretRef: { name: 'login' } }];
  return { container: { envFrom, resources: { requests: { cpu: '10m' } } } };
}

/** Initialized, a version promoted, and one change of a config; with an autoscaler, a Secret and a ConfigMap. */
async function lives(walk: Journey): Promise<void> {
  const { api, namespace } = walk;
  await putSecret(walk);
  await api.post(`/api/v1/namespaces/${namespace}/configmaps`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings' },
    data: { a: '1' },
  });
  const hpa = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
  await api.post(`/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`, {
    ...hpa,
    metadata: { name: 'web' },
    spec: {
      minReplicas: 1,
      maxReplicas: 2,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
        },
      ],
    },
  });
  const volumes = [{ name: 'files', configMap: { name: 'settings' } }];
  const target = { ...usingSecret(), pod: { volumes } };
  await initialized(walk, target, { spec: { autoscalerRef: { ...hpa, name: 'web' } } });
  await setImage(walk, 'web:2');
  await untilPhase(walk, 'Succeeded');
  expect(await imageOf(walk, 'web-primary')).toBe('web:2');
  await until('the Event of the promotion', async () => {
    const events = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
    const { items } = await api.get<{ items: readonly { readonly reason: string }[] }>(events);
    return items.some(({ reason }) => reason === 'Promoted');
  });
}

/** The Canary goes, and its finalizer with it. */
async function letGo(walk: Journey): Promise<void> {
  const path = `${canariesPath(walk)}/web`;
  await walk.api.delete(path);
  await until('the Canary to be gone', async () => (await walk.api.find(path)) === null);
}
