// When checks are due: after an absence, without a verdict, with windows of several lengths, and behind a router that settles.
import { describe, expect, test } from 'vitest';
import { asWeight, type Rollout } from '../../../src/api/canary.ts';
import { check } from '../../../src/decision/check.ts';
import { dueAt } from '../../../src/decision/checks.ts';
import { decide } from '../../../src/decision/decide.ts';
import type { World } from '../../../src/decision/world.ts';
import {
  answered,
  at,
  hook,
  METRIC,
  NO_DATA,
  R2,
  recorded,
  rolling,
  rollout,
  said,
  sample,
  spec,
  standing,
  target,
  UNREADY,
  weighted,
  withSpec,
} from './worlds.ts';

/** Interval 5 s, weight 20 in force since 95 s. */
const base = rolling(1, 20);

function during(change: Partial<Rollout>, now: number, of: World = base): World {
  const kept = rollout({ step: 1, trafficSince: at(95), stepSince: at(95), ...change });
  return standing({ ...of, now: at(now) }, { rollout: kept });
}

function inForce(confirmed: World['route']['confirmed'], now: number, of: World = base): World {
  return { ...of, route: { ...of.route, confirmed }, now: at(now) };
}

describe('the first weight', () => {
  const fresh = during({ trafficSince: null }, 98);

  test('counts from when its route was in force, with no record of its own', () => {
    expect(decide(fresh)).toMatchObject({ kind: 'rest', wakeAt: at(100) });
  });

  test('is remembered by the record of its check', () => {
    const next = recorded(decide(answered({ ...fresh, now: at(100) }, sample(100))));
    expect(next.rollout).toMatchObject({ step: 2, trafficSince: at(95) });
    const held = recorded(decide(answered({ ...fresh, now: at(100) }, sample(50))));
    expect(held.rollout).toMatchObject({ step: 1, trafficSince: at(95) });
  });

  test('does not count while the route still carries another weight', () => {
    const route = { ...fresh.route, weight: asWeight(10) };
    expect(dueAt({ ...fresh, route })).toBeNull();
  });

  test('does not count while the canary stands back', () => {
    expect(dueAt(during({ trafficSince: null, resumeWeight: asWeight(20) }, 110))).toBeNull();
  });
});

describe('after an absence', () => {
  test('a check that was due is made at once, and a step begins with it', () => {
    const next = recorded(decide(answered(during({}, 103), sample(100))));
    expect(next).toMatchObject({ canaryWeight: 50, rollout: { stepSince: at(103) } });
  });

  test('a step whose route came into force meanwhile loses nothing', () => {
    const written = inForce(
      { kind: 'yes', since: at(96) },
      103,
      during({ stepSince: at(96) }, 103),
    );
    expect(dueAt(written)).toBe(at(101));
  });

  test('the next check is due by the grid of intervals, not an interval after the late one', () => {
    const waits = [
      { ...METRIC, name: 'short', intervalMs: 1_000 },
      { ...METRIC, name: 'long', intervalMs: 60_000 },
    ];
    const world = withSpec(during({}, 112), spec({}, { metrics: waits }));
    const held = recorded(decide(answered(world, sample(100))));
    expect(held.rollout?.checkedAt).toBe(at(110));
  });

  test('a late failure is followed by a whole interval: it must not count twice', () => {
    const late = recorded(decide(answered(during({}, 104), sample(50))));
    expect(late.rollout?.checkedAt).toBe(at(104));
    const prompt = recorded(decide(answered(during({}, 101), sample(50))));
    expect(prompt.rollout?.checkedAt).toBe(at(100));
  });
});

describe('without a verdict', () => {
  const held = recorded(decide(answered(during({}, 100), NO_DATA)));

  test('the check is not counted, and is made again after a second', () => {
    expect(held.rollout).toMatchObject({ checks: 0, unknownSince: at(100), checkedAt: at(100) });
    const again = standing({ ...base, now: at(100.5) }, held);
    expect(decide(again)).toMatchObject({ kind: 'rest', wakeAt: at(101) });
  });

  test('an answer earns the next weight then, and only a new one', () => {
    const first = answered(during({}, 100), NO_DATA);
    const stale = standing({ ...first, now: at(101) }, held);
    expect(decide(stale)).toMatchObject({ kind: 'rest', asks: [{ kind: 'metric' }] });
    expect(recorded(decide(answered(stale, sample(100))))).toMatchObject({ canaryWeight: 50 });
    expect(recorded(decide(answered(stale, sample(50))))).toMatchObject({
      failedChecks: 1,
      rollout: { unknownSince: null, checks: 1 },
    });
  });

  test('it is asked for ever less often, an interval apart at most', () => {
    const waits = [100, 101, 102, 104, 120].map((checked) =>
      dueAt(during({ unknownSince: at(100), checkedAt: at(checked) }, checked)),
    );
    expect(waits).toEqual([at(101), at(102), at(104), at(108), at(125)]);
  });

  test('a hook that said yes is not called again within an interval, one that was silent is', () => {
    const hooked = spec({}, { webhooks: [hook('rollout')] });
    const again = withSpec(during({ unknownSince: at(100), checkedAt: at(102) }, 104), hooked);
    const key = decide(again).asks.find((ask) => ask.kind === 'hook')?.key ?? '';
    const kindsAsked = (answer: World['answers']) =>
      decide({ ...again, answers: answer }).asks.map((ask) => ask.kind);
    const yes = said(true);
    expect(kindsAsked(new Map([[key, yes]]))).toEqual(['metric']);
    expect(kindsAsked(new Map([[key, { ...yes, at: at(98) }]]))).toEqual(['hook', 'metric']);
    expect(kindsAsked(new Map([[key, said(false, false)]]))).toEqual(['hook', 'metric']);
  });
});

describe('a command in a pod', () => {
  const hooked = spec({}, { webhooks: [hook('exec')], metrics: [] });
  const due = withSpec(during({}, 100), hooked);
  const key = decide(due).asks[0]?.key ?? '';
  const answeredBy = (ok: boolean, heard: boolean) =>
    recorded(decide({ ...due, answers: new Map([[key, said(ok, heard)]]) }));

  test('is asked at every check, and holds it until it ends', () => {
    expect(decide(due)).toMatchObject({
      kind: 'rest',
      asks: [{ kind: 'hook', hook: { type: 'exec' } }],
    });
    const early = withSpec(during({}, 99), hooked);
    expect(decide(early).asks).toEqual([]);
  });

  test('that ends with 0 passes the check', () => {
    expect(answeredBy(true, true)).toMatchObject({ canaryWeight: 50, failedChecks: 0 });
  });

  test('that ends with another code fails it', () => {
    expect(answeredBy(false, true)).toMatchObject({ canaryWeight: 20, failedChecks: 1 });
  });

  test('of which nothing is known is no verdict', () => {
    const held = answeredBy(false, false);
    expect(held).toMatchObject({ canaryWeight: 20, failedChecks: 0, rollout: { checks: 0 } });
    expect(held.rollout?.unknownSince).toBe(at(100));
  });
});

describe('windows of several lengths', () => {
  const metrics = [
    { ...METRIC, name: 'short' },
    { ...METRIC, name: 'long', intervalMs: 8_000 },
  ];

  test('the next check comes as soon as the last window is whole', () => {
    const of = spec({}, { metrics });
    const held = recorded(decide(answered(withSpec(during({}, 100), of), sample(100))));
    expect(held).toMatchObject({ canaryWeight: 20, failedChecks: 0 });
    const after = standing(withSpec({ ...base, now: at(101) }, of), held);
    expect(decide(after)).toMatchObject({ kind: 'rest', wakeAt: at(103) });
  });
});

describe('a canary that passes while its pods are not complete', () => {
  const passed = answered(during({}, 100), sample(100));
  const growing = { ...passed, target: target(R2, 2, { readiness: UNREADY }) };

  test('goes on as soon as they are', () => {
    expect(decide({ ...growing, now: at(102) })).toMatchObject({ kind: 'rest', wakeAt: at(105) });
    const ready = { ...passed, now: at(102) };
    expect(recorded(decide(ready))).toMatchObject({ canaryWeight: 50 });
    expect(check(ready, decide(ready))).toEqual([]);
  });

  test('has to pass again after an interval', () => {
    const missed = recorded(decide({ ...growing, now: at(105) }));
    expect(missed).toMatchObject({ canaryWeight: 20, rollout: { checks: 1 } });
    const next = standing({ ...growing, now: at(105) }, missed);
    expect(decide(next).asks).toHaveLength(1);
  });
});

describe('a router that settles', () => {
  const plain = spec({}, { metrics: [], strategy: weighted([20, 50]) });
  const confirmed = { kind: 'yes', since: at(100), writtenAt: at(95) } as const;

  test('does so inside of the interval', () => {
    expect(dueAt(inForce(confirmed, 100, withSpec(during({}, 100), plain)))).toBe(at(100));
  });

  test('is asked about the first weight once a whole window lies after it', () => {
    const fresh = during({ trafficSince: null }, 100);
    const long = spec({}, { metrics: [{ ...METRIC, intervalMs: 5_000 }] });
    expect(dueAt(inForce(confirmed, 100, withSpec(fresh, long)))).toBe(at(105));
  });
});
