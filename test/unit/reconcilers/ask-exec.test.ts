// A command as a gate: which pod it runs in, what its end means, and that nothing it wrote is told.
import { describe, expect, test } from 'vitest';
import type { Deployment, Pod } from '../../../src/api/kubernetes.ts';
import type { ExecOptions, ExecOutcome, ObjectKey } from '../../../src/client/client.ts';
import { ApiError } from '../../../src/client/errors.ts';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { askExec } from '../../../src/reconcilers/ask-exec.ts';
import { type CanaryPods, choosePod, type PodChoice } from '../../../src/reconcilers/canary-pod.ts';
import { refusedHooks } from '../../../src/reconcilers/observe-hooks.ts';
import { hook, rolling, spec } from '../decision/worlds.ts';

const { signal } = new AbortController();
const { canary } = rolling(1, 20);

function pod(name: string, change: { hash?: string; ready?: boolean; leaves?: boolean } = {}): Pod {
  const { hash = 'new', ready = true, leaves = false } = change;
  const labels = { app: 'web', 'pod-template-hash': hash };
  const going = leaves ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: canary.namespace, name, labels, ...going },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

function target(
  change: { replicas?: number; updated?: number; default?: string } = {},
): Deployment {
  const { replicas = 2, updated = replicas } = change;
  const annotations =
    change.default === undefined
      ? {}
      : { 'kubectl.kubernetes.io/default-container': change.default };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', generation: 3 },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' }, annotations },
        spec: { containers: [{ name: 'app' }, { name: 'proxy' }] },
      },
    },
    status: { observedGeneration: 3, replicas, updatedReplicas: updated, readyReplicas: replicas },
  };
}

describe('the pod', () => {
  const choose = (change: Partial<CanaryPods>, container: string | null = null): PodChoice =>
    choosePod({ canary, target: target(), pods: [pod('b'), pod('a')], ...change }, container);

  test('is the first ready one, and its first container', () => {
    const chosen = { namespace: canary.namespace, name: 'a' };
    expect(choose({})).toEqual({ kind: 'pod', pod: chosen, container: 'app' });
    const pods = [pod('a', { ready: false }), pod('b', { leaves: true }), pod('c')];
    expect(choose({ pods })).toMatchObject({ pod: { name: 'c' } });
  });

  test('is entered at the container that kubectl would take, or that was named', () => {
    const annotated = target({ default: 'proxy' });
    expect(choose({ target: annotated })).toMatchObject({ container: 'proxy' });
    expect(choose({ target: annotated }, 'app')).toMatchObject({ container: 'app' });
  });

  test.each<readonly [string, Partial<CanaryPods>]>([
    ['no pod of the canary is ready', { pods: [pod('a', { ready: false })] }],
    ['no pod of the canary is ready', { pods: [] }],
    ['pods of another version are still there', { pods: [pod('a'), pod('b', { hash: 'old' })] }],
    ['pods of another version are still there', { target: target({ updated: 1 }) }],
    ['the target is gone', { target: undefined }],
  ])('is none, as %s', (why, change) => {
    expect(choose(change)).toEqual({ kind: 'none', why });
  });

  test('of an old version that leaves stands in nobody’s way', () => {
    const pods = [pod('a', { hash: 'old', leaves: true }), pod('b')];
    expect(choose({ pods })).toMatchObject({ pod: { name: 'b' } });
  });
});

describe('the answer', () => {
  const chosen = choosePod({ canary, target: target(), pods: [pod('web-1')] }, null);
  const output = { stdout: Buffer.from('planted-secret'), stderr: Buffer.from('planted-secret') };

  async function ask(end: object | Error, choice: PodChoice = chosen) {
    const clock = new VirtualClock();
    const calls: { key: ObjectKey; options: ExecOptions }[] = [];
    const exec = async (key: ObjectKey, options: ExecOptions): Promise<ExecOutcome> => {
      calls.push({ key, options });
      await clock.advance(120);
      if (end instanceof Error) throw end;
      return { ...output, truncated: true, ...end } as ExecOutcome;
    };
    const command = { command: ['check', '-v'], container: null };
    const asked = { hook: { timeoutMs: 7_000 }, exec: command };
    const parts = { client: { exec }, clock, choosePod: () => choice };
    const outcome = await askExec(parts, asked, signal);
    expect(JSON.stringify(outcome)).not.toContain('planted-secret');
    return { outcome, calls };
  }

  test.each([
    [{ kind: 'exited', exitCode: 0 }, true, 'exited with 0 after 120 ms'],
    [{ kind: 'exited', exitCode: 3 }, false, 'exited with 3 after 120 ms'],
    [{ kind: 'unfinished' }, false, 'ran on after 7s'],
  ])('to %j is ok: %s', async (end, ok, words) => {
    const { outcome, calls } = await ask(end);
    expect(outcome).toEqual({
      ok,
      heard: true,
      message: `the command in pod web-1 ${words}`,
    });
    expect(calls).toMatchObject([
      {
        key: { namespace: canary.namespace, name: 'web-1' },
        options: {
          command: ['check', '-v'],
          container: 'app',
          deadlineMs: 7_000,
          outputBytesMax: 0,
        },
      },
    ]);
  });

  test.each(['forbidden', 'not-found', 'transient'] as const)(
    'is none when the call ends with %s, and says why',
    async (kind) => {
      const fields = { kind, code: 0, status: null, retryAfterMs: null };
      const { outcome } = await ask(new ApiError('exec in pods shop/web-1', fields));
      const message = `no exit code: exec in pods shop/web-1: ${kind}`;
      expect(outcome).toEqual({ ok: false, heard: false, message });
    },
  );

  test('is none without a pod, and nothing is run', async () => {
    const { outcome, calls } = await ask(
      {},
      { kind: 'none', why: 'no pod of the canary is ready' },
    );
    const message = 'no exit code: no pod of the canary is ready';
    expect(outcome).toEqual({ ok: false, heard: false, message });
    expect(calls).toEqual([]);
  });

  test('is none of ours to give when the question is called off', async () => {
    const reason = new Error('the question is no longer asked');
    await expect(ask(reason)).rejects.toBe(reason);
  });
});

test('without the flag every hook of type exec is refused by its path', () => {
  const webhooks = [hook('rollout'), hook('exec')];
  const of = spec({}, { webhooks });
  expect(refusedHooks({ execEnabled: true }, of)).toEqual([]);
  expect(refusedHooks({ execEnabled: false }, of)).toMatchObject([
    { reason: 'ExecNotEnabled', path: 'spec.analysis.webhooks[1].type' },
  ]);
});
