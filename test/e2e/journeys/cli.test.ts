// The command line on a live rollout: what a person types, what it prints, and the exit code that a script sees.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cluster, describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import {
  canaryObject,
  canariesPath,
  createCanary,
  deployTarget,
  initialized,
  type Journey,
  journey,
  setImage,
  untilCanary,
  untilPhase,
} from './journey.ts';

/** Each test starts a dozen processes, which takes its time where cores are few. */
const LIMIT_MS = 240_000;

const SERIN = join(import.meta.dirname, '../../../bin/serin');

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

class Running {
  out = '';
  err = '';
  readonly #child;

  constructor(walk: Journey, words: readonly string[]) {
    const [name = '', ...rest] = words;
    const flags = ['--kubeconfig', cluster().kubeconfigs.admin, '-n', walk.namespace];
    this.#child = spawn(SERIN, [name, ...rest, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout.on('data', (part: Buffer) => (this.out += part.toString()));
    this.#child.stderr.on('data', (part: Buffer) => (this.err += part.toString()));
  }

  async ended(): Promise<Said> {
    if (this.#child.exitCode === null && this.#child.signalCode === null)
      await once(this.#child, 'close');
    return { code: this.#child.exitCode, out: this.out, err: this.err };
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

function serin(walk: Journey, ...words: readonly string[]): Promise<Said> {
  return new Running(walk, words).ended();
}

/** A gate of a type that the journey's hook server opens and closes. */
function gate(walk: Journey, type: string): Readonly<Record<string, unknown>> {
  return { name: type, type, url: `${walk.hooks.url}/${type}`, timeout: '2s' };
}

describeE2E('the command line', () => {
  test(
    'tells a rollout from start to end',
    async () => {
      await journey(async (walk) => {
        await initialized(walk);
        expect(await serin(walk, 'wait', 'web', '--for', 'initialized')).toMatchObject({ code: 0 });
        const following = new Running(walk, ['get', 'web', '-w']);
        try {
          await until('the first line', () => following.out.includes('Initialized'));
          await setImage(walk, 'web:2');
          const waited = await serin(walk, 'wait', 'web', '--timeout', '60s');
          expect(waited).toMatchObject({ code: 0 });
          expect(waited.out).toContain('is promoted');
          await until('the last line', () => following.out.includes('Succeeded'));
        } finally {
          following.kill('SIGINT');
        }
        const followed = await following.ended();
        expect(followed.code).toBe(130);
        expect(followed.out).toMatch(/NAME +STATUS +WEIGHT +STEP +READY +AT +REASON/);
        expect(followed.out).toMatch(/web +Progressing +25 +1\/2/);
        expect(followed.out).toMatch(/web +Progressing +50 +2\/2/);
        const table = await serin(walk, 'get');
        expect(table.out).toMatch(
          /web +Succeeded +0 +- +True +\d+s +revision [0-9a-f]{12} is promoted/,
        );
        const json = JSON.parse((await serin(walk, 'get', '-o', 'json')).out) as {
          items: unknown[];
        };
        expect(json.items).toHaveLength(1);
        expect(await serin(walk, 'plan', 'web')).toMatchObject({ code: 0 });
        const failed = await serin(walk, 'wait', 'web', '--for', 'failed', '--timeout', '5s');
        expect(failed).toMatchObject({ code: 1 });
      });
    },
    LIMIT_MS,
  );

  test(
    'steers a rollout through its gates, and says when that makes no sense',
    async () => {
      await journey(async (walk) => {
        walk.hooks.close('/confirm-rollout');
        walk.hooks.close('/confirm-traffic-increase');
        const webhooks = [gate(walk, 'confirm-rollout'), gate(walk, 'confirm-traffic-increase')];
        await initialized(walk, {}, { analysis: { webhooks } });
        const early = await serin(walk, 'approve', 'web');
        expect(early).toMatchObject({ code: 1 });
        expect(early.err).toContain('there is nothing to approve: it is Initialized');
        await setImage(walk, 'web:2');
        await untilPhase(walk, 'Waiting');
        const late = await serin(walk, 'wait', 'web', '--timeout', '1s');
        expect(late).toMatchObject({ code: 3 });
        const waits = await serin(walk, 'explain', 'web');
        expect(waits.out).toContain('serin approve web');
        const begun = await serin(walk, 'approve', 'web');
        expect(begun).toMatchObject({ code: 0, err: '' });
        expect(begun.out).toContain('is approved');
        await untilCanary(walk, 'weight 25', ({ status }) => status.canaryWeight === 25);
        const paused = await serin(walk, 'pause', 'web');
        expect(paused).toMatchObject({ code: 0, err: '' });
        expect(paused.out).toContain('paused at weight');
        expect((await serin(walk, 'get', 'web')).out).toContain('paused by serin-cli');
        expect(await serin(walk, 'pause', 'web')).toMatchObject({ code: 1 });
        expect(await serin(walk, 'resume', 'web')).toMatchObject({ code: 0 });
        const aborted = await serin(walk, 'abort', 'web');
        expect(aborted).toMatchObject({ code: 0, err: '' });
        const failed = await serin(walk, 'wait', 'web', '--timeout', '30s');
        expect(failed).toMatchObject({ code: 1 });
        expect(failed.err).toMatch(/was rolled back: aborted by serin-cli/);
        await untilCanary(walk, 'rest', ({ status }) => status.parking === null);
        const again = await serin(walk, 'retry', 'web');
        expect(again).toMatchObject({ code: 0, err: '' });
        walk.hooks.open('/confirm-traffic-increase');
        expect(await serin(walk, 'wait', 'web', '--timeout', '60s')).toMatchObject({ code: 0 });
      });
    },
    LIMIT_MS,
  );

  test(
    'prints every problem of a refused Canary, and names what is not there',
    async () => {
      await journey(async (walk) => {
        await deployTarget(walk);
        await createCanary(walk, { spec: { provider: 'istio' } });
        await untilCanary(walk, 'a refusal', ({ status }) => status.conditions.length > 0);
        const planned = await serin(walk, 'plan', 'web');
        expect(planned).toMatchObject({ code: 1 });
        expect(planned.out).toContain('spec.provider: provider "istio" is not built yet');
        const explained = await serin(walk, 'explain', 'web');
        expect(explained).toMatchObject({ code: 0 });
        expect(explained.out).toContain('spec.provider: provider "istio" is not built yet');
        expect((await serin(walk, 'get')).out).toMatch(/web +Refused/);
        await walk.api.post(canariesPath(walk), canaryObject({ name: 'shop' }));
        const problem = await until('the missing target', async () => {
          const said = await serin(walk, 'plan', 'shop');
          return said.code === 1 && said;
        });
        expect(problem.out).toContain('spec.targetRef: there is no Deployment shop');
        for (const command of ['get', 'wait', 'plan', 'explain', 'approve']) {
          const said = await serin(walk, command, 'nobody');
          expect(said, command).toMatchObject({ code: 1, out: '' });
          expect(said.err, command).toContain('canaries.serin.dev "nobody" not found');
        }
      });
    },
    LIMIT_MS,
  );

  test(
    'lets all Canaries go, and only where an operator hands their traffic back',
    async () => {
      await journey(async (walk) => {
        await initialized(walk);
        expect(await serin(walk, 'uninstall')).toMatchObject({ code: 2 });
        const gone = await serin(walk, 'uninstall', '--yes', '--timeout', '60s');
        expect(gone).toMatchObject({ code: 0 });
        expect(gone.out).toContain(`${walk.namespace}/web: gone`);
        const left = await walk.api.get<{ items: unknown[] }>(canariesPath(walk));
        expect(left.items).toEqual([]);
      });
    },
    LIMIT_MS,
  );
});
