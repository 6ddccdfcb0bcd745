// What commands do to a cluster, print, and give back as exit codes.
import { describe, expect, test } from 'vitest';
import { asRevision, asWeight, type CanaryStatus } from '../../../src/api/canary.ts';
import { type Invocation, switched } from '../../../src/cli/command.ts';
import { getCanaries, type GetRequest } from '../../../src/cli/get.ts';
import { intend, type IntentRequest } from '../../../src/cli/intend.ts';
import { Interrupted, runCommandLine } from '../../../src/cli/run.ts';
import { uninstallAll } from '../../../src/cli/uninstall.ts';
import { waitFor } from '../../../src/cli/wait.ts';
import { freshRollout } from '../../../src/decision/record.ts';
import { EMPTY_STATUS } from '../../../src/api/status.ts';
import { canary, FakeCluster, Paper, R1, R2, refusal, settled } from './fake-cluster.ts';

const ALL: GetRequest = { name: null, everywhere: false, watch: false, form: 'table' };
const FOUND: Partial<CanaryStatus> = { phase: 'Succeeded', lastPromotedSpec: asRevision(R1) };

function rolling(cluster: FakeCluster, change: Partial<CanaryStatus> = {}): Partial<CanaryStatus> {
  return {
    phase: 'Progressing',
    lastAppliedSpec: asRevision(R2),
    canaryWeight: asWeight(25),
    rollout: { ...freshRollout(cluster.clock.now()), step: 1 },
    ...change,
  };
}

describe('serin get', () => {
  test('prints the Canaries of the namespace, and says when there are none', async () => {
    const cluster = new FakeCluster();
    const empty = new Paper();
    expect(await getCanaries(cluster, ALL, empty)).toBe(0);
    expect(empty).toMatchObject({ out: '', err: 'no Canaries found in namespace shop\n' });
    cluster.put(canary(FOUND));
    const paper = new Paper();
    expect(await getCanaries(cluster, ALL, paper)).toBe(0);
    expect(paper.out).toMatch(/^NAME +STATUS .*\nweb +Succeeded .*111111111111 is promoted\n$/);
  });

  test('watching prints a line only when something that it shows has changed', async () => {
    const cluster = new FakeCluster();
    cluster.put(canary(FOUND));
    const paper = new Paper();
    const watching = getCanaries(cluster, { ...ALL, watch: true }, paper).catch((error) => error);
    await settled();
    cluster.put(canary({ ...FOUND, observedGeneration: 7 }));
    await settled();
    expect(paper.out.split('\n')).toHaveLength(3);
    cluster.put(canary(rolling(cluster)));
    await settled();
    cluster.remove(canary(rolling(cluster)));
    await settled();
    expect(paper.out).toMatch(/web +Progressing +25 +1\/2 .*\nweb +Deleted .*\n$/);
    paper.end.abort(new Interrupted('SIGINT'));
    expect(await watching).toBeInstanceOf(Interrupted);
  });

  test('prints objects as they are stored, without what nobody reads', async () => {
    const cluster = new FakeCluster();
    cluster.put(canary(FOUND, { managedFields: [{ manager: 'x' }] }));
    const paper = new Paper();
    await getCanaries(cluster, { ...ALL, name: 'web', form: 'json' }, paper);
    expect(JSON.parse(paper.out)).toMatchObject({ kind: 'Canary', metadata: { name: 'web' } });
    expect(paper.out).not.toContain('managedFields');
  });
});

describe('serin wait', () => {
  test('ends in time when nothing happens, with the last thing that it saw', async () => {
    const cluster = new FakeCluster();
    cluster.put(canary(rolling(cluster)));
    const paper = new Paper();
    const wish = { goal: 'promoted', revision: null } as const;
    const request = { name: 'web', wish, timeoutMs: 5_000 };
    const waiting = waitFor(cluster, request, paper);
    for (let second = 0; second < 6; second += 1) {
      await settled();
      await cluster.clock.advance(1_000);
    }
    expect(await waiting).toBe(3);
    expect(paper.err).toContain('Canary shop/web is not promoted after 5s: Progressing');
  });

  test('ends as soon as the target that is there now is promoted', async () => {
    const cluster = new FakeCluster();
    const target = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop', generation: 4 },
    };
    cluster.put(target, 'deployments');
    const at = (generation: number) => ({
      ...FOUND,
      target: { ...EMPTY_STATUS.target, generation },
    });
    cluster.put(canary(at(3)));
    const paper = new Paper();
    const wish = { goal: 'promoted', revision: null } as const;
    const waiting = waitFor(cluster, { name: 'web', wish, timeoutMs: 60_000 }, paper);
    await settled();
    // An API server that is away for a moment is no rollback.
    const error = refusal('get deployments shop/web', 'transient', 503);
    cluster.refused = { plural: 'deployments', error };
    await cluster.clock.advance(1_000);
    await settled();
    cluster.refused = null;
    expect(paper.out).toBe('');
    cluster.put(canary(at(4)));
    expect(await waiting).toBe(0);
    expect(paper.out).toBe('Canary shop/web: revision 111111111111 is promoted\n');
  });
});

describe('an intent', () => {
  const PAUSE: IntentRequest = {
    verb: 'pause',
    name: 'web',
    revision: null,
    step: null,
    wait: true,
    timeoutMs: 10_000,
  };

  test('is an annotation for the revision under way, and done when the operator says so', async () => {
    const cluster = new FakeCluster();
    cluster.put(canary(rolling(cluster)));
    const paper = new Paper();
    const asking = intend(cluster, PAUSE, paper);
    await settled();
    expect(cluster.calls).toEqual([`patch shop/web {"serin.dev/pause":"${R2}"}`]);
    const now = cluster.clock.now();
    const taken = {
      verb: 'pause',
      value: R2,
      manager: 'serin-cli',
      at: now,
      cleared: false,
    } as const;
    const rollout = { ...freshRollout(now), step: 1, paused: 'paused by serin-cli' };
    cluster.put(canary(rolling(cluster, { intents: [taken], rollout })));
    expect(await asking).toBe(0);
    expect(paper.out).toBe('Canary shop/web: paused at weight 25; go on with serin resume\n');
  });

  test('is not asked for where it makes no sense', async () => {
    const cluster = new FakeCluster();
    cluster.put(canary(FOUND));
    await expect(intend(cluster, PAUSE, new Paper())).rejects.toThrow(
      'Canary shop/web: there is nothing to pause: it is Succeeded',
    );
    cluster.put(canary(rolling(cluster)));
    await expect(intend(cluster, { ...PAUSE, verb: 'approve' }, new Paper())).rejects.toThrow(
      'there is no gate to approve',
    );
    expect(cluster.calls).toEqual([]);
  });

  test('that no operator takes is said to stay, with an exit code of its own', async () => {
    const cluster = new FakeCluster();
    const early = {
      verb: 'pause',
      value: R2,
      manager: '',
      at: cluster.clock.now(),
      cleared: true,
    } as const;
    cluster.put(canary(rolling(cluster, { intents: [early] })));
    const paper = new Paper();
    const asking = intend(cluster, PAUSE, paper);
    await settled();
    await cluster.clock.advance(10_000);
    expect(await asking).toBe(3);
    expect(paper.err).toContain('no operator has taken pause of revision 222222222222');
  });
});

describe('serin uninstall', () => {
  const YES = { namespaces: [], yes: true, timeoutMs: 60_000 };
  const held = { finalizers: ['serin.dev/restore'] };

  test('does nothing without a yes', async () => {
    const cluster = new FakeCluster();
    cluster.put(canary(FOUND, held));
    const paper = new Paper();
    expect(await uninstallAll(cluster, { ...YES, yes: false }, paper)).toBe(2);
    expect(paper.out).toContain('would delete Canary shop/web');
    expect(cluster.calls).toEqual([]);
  });

  test('touches one Canary only when no operator answers, and says what to do', async () => {
    const cluster = new FakeCluster();
    cluster.put(canary(FOUND, { ...held, name: 'api' }));
    cluster.put(canary(FOUND, { ...held, name: 'web' }));
    const failed = uninstallAll(cluster, YES, new Paper()).catch((error: unknown) => error);
    await settled();
    await cluster.clock.advance(31_000);
    expect(String(await failed)).toContain('no operator took the deletion of Canary shop/api up');
    expect(cluster.calls).toEqual(['delete shop/api']);
  });

  test('waits until the last one is gone', async () => {
    const cluster = new FakeCluster();
    cluster.put(canary(FOUND, { ...held, name: 'api' }));
    cluster.put(canary(FOUND, { name: 'web' }));
    const paper = new Paper();
    const going = uninstallAll(cluster, YES, paper);
    await settled();
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    const leaving = canary(
      { ...FOUND, phase: 'Terminating' },
      { ...held, name: 'api', deletionTimestamp },
    );
    cluster.put(leaving);
    await settled();
    cluster.remove(leaving);
    expect(await going).toBe(0);
    expect(paper.out).toContain('shop/api: gone\n');
    expect(paper.out).toContain('shop/web: gone\n');
  });

  test('lets the Canaries of the namespaces go that it was given, and no others', async () => {
    const cluster = new FakeCluster();
    for (const namespace of ['books', 'shop', 'team'])
      cluster.put(canary(FOUND, { namespace, uid: `uid-${namespace}` }));
    const paper = new Paper();
    const going = uninstallAll(cluster, { ...YES, namespaces: ['shop', 'books'] }, paper);
    await settled();
    expect(await going).toBe(0);
    expect(cluster.calls).toEqual(['delete books/web', 'delete shop/web']);
  });

  test('finds nothing to do where the CRD is gone', async () => {
    const cluster = new FakeCluster();
    cluster.refused = { plural: 'canaries', error: refusal('list canaries', 'not-found', 404) };
    expect(await uninstallAll(cluster, YES, new Paper())).toBe(0);
  });
});

describe('the command line', () => {
  const command = {
    name: 'try',
    usage: '',
    summary: 'try it',
    flags: {},
    run: () => Promise.reject(refusal('get canaries shop/web', 'forbidden', 403)),
  };
  const run = (paper: Paper, ...words: readonly string[]): Promise<number> =>
    runCommandLine([command], words, {
      environment: {},
      print: paper.print,
      complain: paper.complain,
      columns: paper.columns,
      signal: paper.signal,
    });

  test('says which object a call was about when the cluster refuses it', async () => {
    const paper = new Paper();
    expect(await run(paper, 'try')).toBe(1);
    expect(paper.err).toBe('serin try: get canaries shop/web: forbidden\n');
  });

  test('gives the exit code of the signal that ended it', async () => {
    const paper = new Paper();
    paper.end.abort(new Interrupted('SIGTERM'));
    expect(await run(paper, 'try')).toBe(143);
    expect(paper.err).toBe('');
  });

  test('helps with every command, and refuses words that it does not know', async () => {
    const paper = new Paper();
    expect(await run(paper, 'help', 'try')).toBe(0);
    expect(paper.out).toContain('serin try: try it');
    expect(await run(paper, 'fly')).toBe(2);
    expect(await run(paper, 'try', '--wings')).toBe(2);
    expect(paper.err).toContain('See: serin try --help');
  });

  test.each([
    [['--fast'], true],
    [['--fast=true'], true],
    [['--fast=false'], false],
    [['--fast', '--fast=false'], false],
    [['--fast=false', '--fast=true'], true],
    [[], false],
  ])('takes the switch %j for %s', async (words, fast) => {
    const heard: unknown[] = [];
    const flags = { fast: { type: 'boolean', default: false, help: 'be fast' } } as const;
    const told = (invocation: Invocation): Promise<number> => {
      heard.push(switched(invocation, 'fast'));
      return Promise.resolve(0);
    };
    const paper = new Paper();
    const outcome = await runCommandLine([{ ...command, flags, run: told }], ['try', ...words], {
      environment: {},
      print: paper.print,
      complain: paper.complain,
      columns: paper.columns,
      signal: paper.signal,
    });
    expect([outcome, heard]).toEqual([0, [fast]]);
  });
});
