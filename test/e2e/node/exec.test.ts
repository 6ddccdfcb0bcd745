// Commands in real pods: what they say and how they end, and a rollout that hangs on their exit code.
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/clock/system-clock.ts';
import type { Client, ExecOptions } from '../../../src/client/client.ts';
import { loadConfig } from '../../../src/client/config.ts';
import { httpClient } from '../../../src/client/http-client.ts';
import { describeNode, kubeconfigOfNode } from './node.ts';
import {
  backendsOf,
  deployTarget,
  followRollout,
  initialized,
  release,
  versionOf,
  type Walk,
  walk,
} from './walk.ts';

const OPERATOR = { flags: ['--enable-exec'] };
const LIMIT_MS = 240_000;

async function connect(): Promise<Client & AsyncDisposable> {
  const clock = systemClock();
  const { signal } = new AbortController();
  const kubeconfig = kubeconfigOfNode();
  const config = await loadConfig({ environment: {}, kubeconfig, clock }, signal);
  return httpClient({ config, clock });
}

async function firstPod({ api, namespace }: Walk): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const { items } = await api.get<{ items: readonly { metadata: { name: string } }[] }>(path);
  return items[0]?.metadata.name ?? '';
}

/** A rollout in two steps that nothing but the exit code of its own pods speaks on. */
const GATED = {
  interval: '3s',
  threshold: 2,
  stepWeight: 20,
  maxWeight: 40,
  metrics: [],
  webhooks: [{ name: 'fit', type: 'exec', exec: { command: ['/testserver', 'tell'] } }],
};

describeNode('a command', () => {
  test.concurrent(
    'in a pod is heard on each of its channels, and ends as it ends',
    async () => {
      await walk(async (on) => {
        await deployTarget(on);
        const pod = { namespace: on.namespace, name: await firstPod(on) };
        await using client = await connect();
        const { signal } = new AbortController();
        const tell = (words: readonly string[], more: Partial<ExecOptions> = {}) =>
          client.exec(pod, { command: ['/testserver', 'tell', ...words], signal, ...more });
        const both = await tell(['-out', 'said', '-err', 'cried', '-exit', '3']);
        expect(both).toMatchObject({ kind: 'exited', exitCode: 3, truncated: false });
        expect([both.stdout.toString(), both.stderr.toString()]).toEqual(['said', 'cried']);
        const stdin = Buffer.alloc(300_000, 'typed ');
        const echoed = await tell(['-echo'], { stdin, outputBytesMax: 1_000_000 });
        expect(echoed).toMatchObject({ kind: 'exited', exitCode: 0 });
        expect(echoed.stdout.equals(stdin)).toBe(true);
        const plain = await tell(['-terminal']);
        expect(plain.stdout.toString()).toBe('terminal: false');
        const tty = { columns: 80, rows: 24 };
        const typed = await tell(['-terminal', '-err', 'both ', '-exit', '4'], { tty });
        expect(typed).toMatchObject({ kind: 'exited', exitCode: 4 });
        expect(typed.stdout.toString()).toBe('both terminal: true');
        const slow = await tell(['-out', 'begun', '-wait', '30s'], { deadlineMs: 3_000 });
        expect(slow).toMatchObject({ kind: 'unfinished' });
        expect(slow.stdout.toString()).toBe('begun');
        await expect(client.exec(pod, { command: ['/nothing'], signal })).rejects.toThrow(
          '/nothing',
        );
        await expect(tell([], { container: 'nobody' })).rejects.toMatchObject({ kind: 'invalid' });
        const gone = { ...pod, name: 'nobody' };
        await expect(client.exec(gone, { command: ['/testserver'], signal })).rejects.toMatchObject(
          {
            kind: 'not-found',
          },
        );
      }, OPERATOR);
    },
    LIMIT_MS,
  );

  test.concurrent(
    'that fails in the canary rolls it back, though it passes in the primary',
    async () => {
      await walk(async (on) => {
        await initialized(on, GATED);
        await release(on, 'v2', { EXIT_CODE: '3' });
        const { status } = await followRollout(on);
        expect(status.phase).toBe('Failed');
        expect(status.failedChecks).toBe(2);
        expect(status.lastFailure?.reason).toBe('AnalysisFailed');
        expect(status.lastFailure?.message).toMatch(
          /webhook fit: the command in pod web-[a-z0-9]+-[a-z0-9]+ exited with 3 after \d+ ms/,
        );
        expect(await versionOf(on, 'web-primary')).toBe('v1');
        expect(await backendsOf(on)).toEqual({ 'web-primary': 100, 'web-canary': 0 });
      }, OPERATOR);
    },
    LIMIT_MS,
  );

  test.concurrent(
    'that passes in the canary lets it be promoted',
    async () => {
      await walk(async (on) => {
        await initialized(on, GATED);
        await release(on, 'v2');
        const { status } = await followRollout(on);
        expect(status.phase).toBe('Succeeded');
        expect(status.measurements).toMatchObject([{ name: 'fit', verdict: 'pass' }]);
        expect(await versionOf(on, 'web-primary')).toBe('v2');
      }, OPERATOR);
    },
    LIMIT_MS,
  );
});
