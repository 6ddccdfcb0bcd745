// Every transition of a reflector until its store is filled, one rule each.
import { describe, expect, test } from 'vitest';
import { initialState, step } from '../../../src/informers/reflector-state.ts';
import {
  memory,
  noWatchList,
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
  tooLargeError,
  notFound,
  forbidden,
  throttled,
  unprocessable,
  one,
  type Row,
} from './reflector-rig.ts';
import * as say from './scripted-client.ts';

const starting: Row[] = [
  [
    'starts with a WatchList',
    initialState,
    { kind: 'start', atMs: 0 },
    'watch-listing',
    ['discard', 'watch-list'],
  ],
  [
    'starts with pages where WatchList was refused',
    { kind: 'start', memory: noWatchList },
    { kind: 'start', atMs: 0 },
    'listing',
    ['discard', 'list 500'],
  ],
  ['stops from any state', watching, { kind: 'stop', atMs: 0 }, 'stopped', []],
  ['stays stopped', { kind: 'stopped', memory }, { kind: 'start', atMs: 0 }, 'stopped', []],
];

const initialEvents: Row[] = [
  [
    'stages each initial object',
    watchListing,
    hears(say.added(one)),
    'watch-listing',
    ['stage-change ADDED'],
  ],
  [
    'stages a deletion among the initial events',
    watchListing,
    hears(say.deleted(one)),
    'watch-listing',
    ['stage-change DELETED'],
  ],
  [
    'a plain bookmark does not end the initial events',
    watchListing,
    hears(say.bookmark('20')),
    'watch-listing',
    [],
  ],
  [
    'the annotated bookmark replaces the store and keeps the stream',
    watchListing,
    hears(say.bookmark('20', true)),
    'watching',
    ['replace 20'],
  ],
  [
    'a refused WatchList falls back to pages',
    watchListing,
    fails(unprocessable),
    'listing',
    ['discard', 'list 500'],
  ],
  [
    'a WatchList refused in the stream falls back to pages',
    watchListing,
    hears(say.errorEvent(500)),
    'listing',
    ['discard', 'list 500'],
  ],
  [
    'a WatchList that may not watch falls back to pages',
    watchListing,
    fails(forbidden),
    'listing',
    ['discard', 'list 500'],
  ],
  [
    'a WatchList that met a 5xx falls back to pages',
    watchListing,
    fails(unavailable),
    'listing',
    ['discard', 'list 500'],
  ],
  [
    'a WatchList whose version is too large falls back to pages',
    watchListing,
    hears(say.errorEvent(504, say.tooLarge)),
    'listing',
    ['discard', 'list 500'],
  ],
  [
    'a WatchList that expired falls back to pages',
    watchListing,
    hears(say.errorEvent(410)),
    'listing',
    ['discard', 'list 500'],
  ],
  [
    'a WatchList that ends early falls back to pages',
    watchListing,
    { kind: 'ended', atMs: 100 },
    'listing',
    ['discard', 'list 500'],
  ],
  [
    'a silent WatchList falls back to pages',
    watchListing,
    { kind: 'silent', atMs: 100 },
    'listing',
    ['discard', 'list 500'],
  ],
  [
    'a WatchList of a kind that is not served rests',
    watchListing,
    fails(notFound),
    'backing-off',
    ['rest 800'],
  ],
  [
    'a WatchList without a connection rests',
    watchListing,
    fails(refusedConnection),
    'backing-off',
    ['rest 800'],
  ],
  [
    'a throttled WatchList rests as long as the server asks',
    watchListing,
    fails(throttled),
    'backing-off',
    ['rest 7000'],
  ],
];

const full = { ...listing, paged: false };
const secondPage = { ...listing, resourceVersion: '20' };
const lists: Row[] = [
  [
    'asks for the next page',
    listing,
    pages(say.pageOf([one], '20', 'c1')),
    'listing',
    ['stage 1', 'list 500 from c1'],
  ],
  [
    'watches from the version of the first page',
    secondPage,
    pages(say.pageOf([one], '99')),
    'watching',
    ['stage 1', 'replace 20', 'watch from 20'],
  ],
  [
    'watches from the version of an only page',
    listing,
    pages(say.pageOf([one], '20')),
    'watching',
    ['stage 1', 'replace 20', 'watch from 20'],
  ],
  [
    'an expired continue token asks for everything at once',
    secondPage,
    fails(gone),
    'listing',
    ['discard', 'list all'],
  ],
  [
    'an expired first page fills anew at once',
    { ...listing, memory: noWatchList },
    fails(gone),
    'listing',
    ['discard', 'list 500'],
  ],
  [
    'expiring twice in a row rests',
    { ...full, memory: { ...memory, hurried: true } },
    fails(gone),
    'backing-off',
    ['rest 800'],
  ],
  [
    'a version too large fills anew at once',
    listing,
    fails(tooLargeError),
    'watch-listing',
    ['discard', 'watch-list'],
  ],
  ['a 403 rests', listing, fails(forbidden), 'backing-off', ['rest 800']],
  ['a 404 rests', listing, fails(notFound), 'backing-off', ['rest 800']],
  ['a 422 rests', listing, fails(unprocessable), 'backing-off', ['rest 800']],
  ['a 5xx rests', listing, fails(unavailable), 'backing-off', ['rest 800']],
  [
    'a 429 rests as long as the server asks',
    listing,
    fails(throttled),
    'backing-off',
    ['rest 7000'],
  ],
  [
    'a second 404 in a row empties the store',
    { ...listing, memory: { ...memory, notFounds: 1 } },
    fails(notFound),
    'backing-off',
    ['empty', 'rest 800'],
  ],
  [
    'the store is emptied once',
    { ...listing, memory: { ...memory, notFounds: 2 } },
    fails(notFound),
    'backing-off',
    ['rest 800'],
  ],
  ['an unknown error rests', listing, fails(new Error('a bug')), 'backing-off', ['rest 800']],
];

describe.each([
  ['at the start', starting],
  ['among initial events', initialEvents],
  ['while listing', lists],
])('%s', (_title, rows) => {
  test.each(rows)('%s', (_rule, from, input, to, does) => {
    expect(outcome(step(from, input))).toEqual({ to, does });
  });
});
