// The house rules that no compiler knows: floors, purity, one clock, who may write, what a file says of itself.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { VERSION } from '../../../src/cli/version.ts';

const ROOT = join(import.meta.dirname, '../../..');
const SRC = join(ROOT, 'src');

/** From the ground up; rooms of one floor do not know each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['clock'],
  ['api'],
  ['analysis'],
  ['decision', 'routers', 'workloads'],
  ['client', 'egress'],
  ['informers', 'metrics', 'webhooks', 'recorder'],
  ['controller'],
  ['reconcilers'],
  ['sim'],
  ['cli'],
];
const PURE = ['api', 'analysis', 'decision', 'routers', 'workloads'];

interface Source {
  /** From src: `decision/decide.ts`. */
  readonly path: string;
  readonly room: string;
  readonly text: string;
  /** Without comments and the content of strings, so that words in prose do not count. */
  readonly code: string;
  readonly imports: readonly string[];
}

const sources: readonly Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8');
    const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
      (match) => match[1] ?? '',
    );
    const room = path.includes('/') ? (path.split('/')[0] ?? '') : '';
    return { path, room, text, code: stripped(text), imports };
  });

function stripped(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/(^|[^:'"`])\/\/[^\n]*/g, '$1')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
}

function floorOf(room: string): number {
  return FLOORS.findIndex((floor) => floor.includes(room));
}

function targets(source: Source): readonly string[] {
  return source.imports
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(SRC, normalize(join(SRC, dirname(source.path), name))));
}

describe('the house', () => {
  test('has a floor for every room', () => {
    const rooms = new Set(sources.map(({ room }) => room).filter((room) => room !== ''));
    expect([...rooms].filter((room) => floorOf(room) < 0)).toEqual([]);
  });

  test('lets a room import itself and lower floors only', () => {
    const wrong = sources
      .filter(({ room }) => room !== '')
      .flatMap((source) =>
        targets(source)
          .map((path) => path.split('/')[0] ?? '')
          .filter((room) => room !== source.room && floorOf(room) >= floorOf(source.room))
          .map((room) => `${source.path} imports ${room}`),
      );
    expect(wrong).toEqual([]);
  });

  test('keeps the pure rooms free of waiting, time, chance, the machine and the log', () => {
    const banned: readonly (readonly [string, RegExp])[] = [
      ['await', /\bawait\b/],
      ['Date', /\bDate\b/],
      ['Math.random', /\bMath\.random\b/],
      ['process', /\bprocess\./],
    ];
    const pure = sources.filter(({ room }) => PURE.includes(room));
    const words = pure.flatMap(({ path, code }) =>
      banned.filter(([, word]) => word.test(code)).map(([name]) => `${path}: ${name}`),
    );
    const machines = pure.flatMap(({ path, imports }) =>
      imports
        .filter((name) => name.startsWith('node:') || name === 'pino' || name === 'undici')
        .map((name) => `${path}: ${name}`),
    );
    expect([...words, ...machines]).toEqual([]);
  });

  test('asks the time and sets timers in the clock room only', () => {
    const timers =
      /(?<![.\w])(?:setTimeout|setInterval|setImmediate|Date\.now|new Date|performance\.now|AbortSignal\.timeout)\b/;
    const wrong = sources
      .filter(({ room, code }) => room !== 'clock' && timers.test(code))
      .map(({ path }) => path);
    expect(wrong).toEqual([]);
  });

  test('writes to the cluster from the rooms that may, and nowhere else', () => {
    const writes =
      /\bclient\.(?:create|update|updateStatus|patch|delete|deleteCollection|updateScale)\(/;
    const may = (path: string): boolean =>
      path.startsWith('cli/') ||
      path.startsWith('recorder/') ||
      path === 'controller/lease.ts' ||
      path === 'reconcilers/hand.ts' ||
      path === 'reconcilers/reconcile.ts';
    expect(
      sources.filter(({ path, code }) => writes.test(code) && !may(path)).map(({ path }) => path),
    ).toEqual([]);
  });

  test('names no provider in the core', () => {
    const core = sources.filter(({ room }) => room === 'decision');
    const named = core
      .filter(({ text }) => /\b(?:gatewayapi|nginx|istio|HTTPRoute)\b/i.test(text))
      .map(({ path }) => path);
    expect(named).toEqual([]);
  });

  test('says at the top of each file what it is for', () => {
    const silent = sources
      .filter(({ text }) => !/^(?:#!.*\n)?\/\/ \S.{15,}/.test(text))
      .map(({ path }) => path);
    expect(silent).toEqual([]);
  });

  test('uses the words of its glossary in the names of files', () => {
    const unwanted =
      /(?:^|[/-])(?:manager|handler|helper|util|utils|process|sync|data|info)(?:[.-]|$)/;
    expect(sources.map(({ path }) => path).filter((path) => unwanted.test(path))).toEqual([]);
  });

  test('speaks of one version', () => {
    expect(VERSION).toBe(packageJson.version);
  });
});
