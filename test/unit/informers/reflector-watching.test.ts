// Every transition of a reflector that watches or rests, and what it remembers.
import { describe, expect, test } from 'vitest';
import type { Failure } from '../../../src/informers/reflector-failure.ts';
import type { Input, Memory, ReflectorState } from '../../../src/informers/reflector-moves.ts';
import { phaseOf, step } from '../../../src/informers/reflector-state.ts';
import {
  memory,
  watchListing,
  listing,
  watching,
  fails,
  hears,
  pages,
  outcome,
  gone,
  refusedConnection,
  unavailable,
  notFound,
  forbidden,
  throttled,
  unprocessable,
  one,
  type Row,
} from './reflector-rig.ts';
import * as say from './scripted-client.ts';

const hurried = { ...watching, memory: { ...watching.memory, hurried: true } };
const told = { ...watching, moved: true };
const watches: Row[] = [
  ['applies an event', watching, hears(say.modified(one)), 'watching', ['apply MODIFIED']],
  ['a bookmark moves the version', watching, hears(say.bookmark('30')), 'watching', ['advance 30']],
  [
    'a watch that ended after a second is opened again at once',
    watching,
    { kind: 'ended', atMs: 1000 },
    'watching',
    ['watch from 20'],
  ],
  [
    'a watch that ended after an event is opened again at once',
    told,
    { kind: 'ended', atMs: 1 },
    'watching',
    ['watch from 20'],
  ],
  [
    'a very short watch (an empty 200) rests and fills anew',
    watching,
    { kind: 'ended', atMs: 999 },
    'backing-off',
    ['rest 800'],
  ],
  [
    'an in-stream 410 fills anew at once',
    watching,
    hears(say.errorEvent(410)),
    'watch-listing',
    ['discard', 'watch-list'],
  ],
  [
    'an in-stream Expired without the code fills anew at once',
    watching,
    hears(say.errorEvent(0, { reason: 'Expired' })),
    'watch-listing',
    ['discard', 'watch-list'],
  ],
  [
    'a 410 on open fills anew at once',
    watching,
    fails(gone),
    'watch-listing',
    ['discard', 'watch-list'],
  ],
  ['a 410 right after a 410 rests', hurried, fails(gone), 'backing-off', ['rest 800']],
  [
    'a 410 right after a 410 and one event rests',
    { ...hurried, moved: true },
    fails(gone),
    'backing-off',
    ['rest 800'],
  ],
  [
    'a 410 long after a 410 fills anew at once',
    hurried,
    fails(gone, 1000),
    'watch-listing',
    ['discard', 'watch-list'],
  ],
  [
    'a version too large fills anew at once',
    watching,
    hears(say.errorEvent(504, say.tooLarge)),
    'watch-listing',
    ['discard', 'watch-list'],
  ],
  [
    'a version that went back fills anew at once',
    watching,
    hears(say.modified({ ...one, metadata: { ...one.metadata, resourceVersion: '9' } })),
    'watch-listing',
    ['discard', 'watch-list'],
  ],
  [
    'a silent watch fills anew at once',
    watching,
    { kind: 'silent', atMs: 90_000 },
    'watch-listing',
    ['discard', 'watch-list'],
  ],
  [
    'a connection lost after silence fills anew at once',
    watching,
    fails(refusedConnection, 85_000),
    'watch-listing',
    ['discard', 'watch-list'],
  ],
  [
    'a connection cut in mid-stream is opened again at once',
    { ...told, heardMs: 50 },
    fails(refusedConnection),
    'watching',
    ['watch from 20'],
  ],
  ['a 404 rests and fills anew', watching, fails(notFound), 'backing-off', ['rest 800']],
  ['a 403 rests and fills anew', watching, fails(forbidden), 'backing-off', ['rest 800']],
  ['a 5xx rests and fills anew', watching, fails(unavailable), 'backing-off', ['rest 800']],
  [
    'an in-stream 500 rests and fills anew',
    watching,
    hears(say.errorEvent(500)),
    'backing-off',
    ['rest 800'],
  ],
];

test.each(watches)('%s', (_rule, from, input, to, does) => {
  expect(outcome(step(from, input))).toEqual({ to, does });
});

describe('after a rest', () => {
  const rested = (failing: ReflectorState, error: unknown): string[] =>
    outcome(step(step(failing, fails(error)).state, { kind: 'woke', atMs: 1000 })).does;

  test('a refused connection watches on from the same version', () => {
    expect(rested(watching, refusedConnection)).toEqual(['watch from 20']);
  });
  test('a throttled watch watches on from the same version', () => {
    expect(rested(watching, throttled)).toEqual(['watch from 20']);
  });
  test.each([forbidden, notFound, unavailable])('a watch that met $code fills anew', (error) => {
    expect(rested(watching, error)).toEqual(['discard', 'watch-list']);
  });
  test('a list fills anew', () => {
    expect(rested(listing, unavailable)).toEqual(['discard', 'watch-list']);
  });
  test('a driver that could not rest is made to rest again', () => {
    const { state } = step(listing, fails(unavailable));
    expect(outcome(step(state, fails(new Error('a bug'))))).toEqual({
      to: 'backing-off',
      does: ['rest 1600'],
    });
  });
});

describe('the length of rests', () => {
  function restsOf(failuresAtMs: readonly number[]): number[] {
    let state: ReflectorState = listing;
    return failuresAtMs.map((atMs) => {
      const { state: next, effects } = step(
        { ...listing, memory: state.memory },
        fails(unavailable, atMs),
      );
      state = step(next, { kind: 'woke', atMs }).state;
      return effects.flatMap((e) => (e.kind === 'rest' ? e.baseMs : []))[0] ?? 0;
    });
  }

  test('doubles from 800 ms up to 30 s', () => {
    expect(restsOf([0, 1, 2, 3, 4, 5, 6, 7])).toEqual([
      800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
    ]);
  });
  test('starts again after two minutes without one', () => {
    expect(restsOf([0, 1, 2, 120_002, 240_003])).toEqual([800, 1600, 3200, 6400, 800]);
  });
  test('is at most 60 s by wish of the server', () => {
    const wish = say.apiError('too-many-requests', 429, { retryAfterMs: 3_600_000 });
    expect(outcome(step(listing, fails(wish))).does).toEqual(['rest 60000']);
  });
});

describe('what is remembered', () => {
  const memoryAfter = (from: ReflectorState, ...inputs: Input[]): Memory =>
    inputs.reduce((state, input) => step(state, input).state, from).memory;

  test.each([fails(unprocessable), hears(say.errorEvent(500)), hears(say.errorEvent(422))])(
    'a refusal of WatchList is',
    (input) => {
      expect(memoryAfter(watchListing, input).watchListRefused).toBe(true);
    },
  );
  test.each([
    fails(unavailable),
    fails(forbidden),
    fails(refusedConnection),
    hears(say.errorEvent(503)),
    { kind: 'ended', atMs: 1 } as const,
    { kind: 'silent', atMs: 1 } as const,
  ])('a WatchList that failed for another reason is not', (input) => {
    expect(memoryAfter(watchListing, input).watchListRefused).toBe(false);
  });
  test('the version of an event is where the next watch starts', () => {
    const { state } = step(watching, hears(say.modified(one)));
    expect(outcome(step(state, { kind: 'ended', atMs: 1 })).does).toEqual(['watch from 21']);
  });
  test('an event of the stream before a 410 does not count as a lasting one', () => {
    const { memory: after } = step(hurried, hears(say.modified(one))).state;
    expect(after.hurried).toBe(true);
  });
});

test('a bookmark ends a fault, even one that does not move the version', () => {
  const { state } = step(watching, fails(refusedConnection));
  const { state: again } = step(state, { kind: 'woke', atMs: 900 });
  expect(again.memory.failure?.kind).toBe('unreachable');
  expect(step(again, hears(say.bookmark('20'), 1000)).state.memory.failure).toBeNull();
});

describe('the phase', () => {
  const failure = (kind: Failure['kind']): Failure => ({ kind, message: kind, retryAfterMs: null });
  const phase = (of: Partial<Memory>) =>
    phaseOf({ kind: 'listing', memory: { ...memory, ...of }, resourceVersion: null, paged: true });

  test('is syncing until the first fill', () => {
    expect(phase({ failure: failure('other') })).toBe('syncing');
  });
  test('is synced after it, whatever fails then', () => {
    expect(phase({ filled: true, failure: failure('unreachable') })).toBe('synced');
  });
  test('is forbidden as long as the server says so', () => {
    expect(phase({ filled: true, failure: failure('forbidden') })).toBe('forbidden');
  });
  test('is unserved until the kind is back, even while the server is away', () => {
    expect(phase({ filled: true, notFounds: 1, failure: failure('unreachable') })).toBe('unserved');
  });
  test('is synced once the kind is back', () => {
    const { state } = step(
      { ...listing, memory: { ...memory, notFounds: 3, failure: failure('not-found') } },
      pages(say.pageOf([], '5')),
    );
    expect(phaseOf(state)).toBe('synced');
  });
});

test('an answer that nobody waits for changes nothing', () => {
  const late: Input[] = [
    pages(say.pageOf([one], '20')),
    { kind: 'woke', atMs: 1 },
    { kind: 'start', atMs: 1 },
  ];
  for (const input of late) expect(step(watching, input)).toEqual({ state: watching, effects: [] });
});
