// What leaves Serin as text: bounded, visible, and without secrets.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { createLog, type LogOptions } from '../../../src/recorder/log.ts';
import { cutToBytes, fitText, visible } from '../../../src/recorder/visible-text.ts';

describe('text', () => {
  test('shows controls, bidirectional overrides and broken characters instead of obeying them', () => {
    expect(visible('a\nb\u001b[31mc\u202ed\u009be\ud800f')).toBe(
      'a\\nb\\u001b[31mc\\u202ed\\u009be\\ud800f',
    );
  });

  test('is left alone where there is nothing to mend', () => {
    const text = 'weight 10 → 20, Größe 3.5 µs, 日本, 🐤';
    expect(fitText(text, 1024)).toBe(text);
  });

  test('of any kind fits, is visible, and is cut between characters only', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.integer({ min: 3, max: 100 }),
        (text, bytesMax) => {
          const fit = fitText(text, bytesMax);
          expect(Buffer.byteLength(fit)).toBeLessThanOrEqual(bytesMax);
          expect(fit).toBe(visible(fit));
          if (!text.includes('\ufffd')) expect(fit).not.toContain('\ufffd');
        },
      ),
    );
  });

  test.each([
    ['ä'.repeat(512), 1024, 'ä'.repeat(512)],
    ['ä'.repeat(513), 1024, `${'ä'.repeat(510)}…`],
    ['🐤🐤', 7, '🐤…'],
    ['abcd', 4, 'abcd'],
    ['abcde', 4, 'a…'],
  ])('%s in %d bytes', (text, bytesMax, expected) => {
    expect(cutToBytes(text, bytesMax)).toBe(expected);
  });
});

function start(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const log = createLog({
    clock: new VirtualClock(),
    write: (line) => lines.push(line),
    ...options,
  });
  return { log, lines, told: () => lines.map((line) => JSON.parse(line)) };
}

describe('the log', () => {
  test('writes one JSON object a line with level, time and the fields of its parents', () => {
    const { log, lines, told } = start();
    log.child({ canary: 'shop/web' }).child({ reconcile: 'r1' }).info({ weight: 10 }, 'weight set');
    expect(lines[0]).toMatch(/^[^\n]+\n$/);
    expect(told()).toEqual([
      {
        level: 'info',
        time: '2026-01-01T00:00:00.000000Z',
        canary: 'shop/web',
        reconcile: 'r1',
        weight: 10,
        message: 'weight set',
      },
    ]);
  });

  test('leaves out what is below its level', () => {
    const { log, lines } = start({ level: 'warn' });
    log.info({}, 'quiet');
    log.child({}).debug({}, 'quieter');
    log.warn({}, 'heard');
    expect(lines).toHaveLength(1);
  });

  test('keeps secrets out at any depth, in children and in errors', () => {
    const { log, lines } = start();
    const error = Object.assign(new Error('refused'), {
      retry: 'never',
      cause: { headers: { Authorization: 'Bearer s3cr3t' } },
    });
    log
      .child({ bearerToken: 's3cr3t' })
      .error({ error, request: [{ password: 's3cr3t', 'x-api-key': 's3cr3t' }] }, 'call failed');
    expect(lines.join('')).not.toContain('s3cr3t');
    expect(lines.join('')).toContain('refused');
  });

  test('still shows the names of secrets', () => {
    const { log, told } = start();
    log.info({ secretName: 'web-tls', token: null }, 'secret read');
    expect(told()).toMatchObject([{ secretName: 'web-tls', token: null }]);
  });

  test('cannot be made to write a second line or steer a terminal', () => {
    for (const encoding of ['json', 'console'] as const) {
      const { log, lines } = start({ encoding });
      const nasty = 'x\r\n{"level":"error"}\u009b2J\u202e\u2028';
      log.info({ [nasty]: nasty, nested: { deep: [nasty] } }, 'note taken');
      const line = lines.join('');
      expect(line.trimEnd()).toBe(visible(line.trimEnd()));
    }
  });

  test('stays bounded whatever it is given', () => {
    const { log, lines } = start();
    const loop: Record<string, unknown> = { text: 'y'.repeat(1e6), count: 10n, not: Number.NaN };
    loop['self'] = loop;
    loop['wide'] = Array.from({ length: 1e5 }, () => loop);
    log.info(loop, 'big');
    expect(lines.join('').length).toBeLessThan(1e6);
  });

  test('shows the stack of a surprise only', () => {
    const { log, told } = start();
    const expected = Object.assign(new Error('conflict'), { retry: 'now' });
    log.error({ error: new TypeError('surprise') }, 'one');
    log.error({ error: expected }, 'two');
    const [surprise, known] = told();
    expect(surprise.error.stack).toContain('TypeError: surprise');
    expect(known.error).toEqual({ name: 'Error', message: 'conflict' });
  });

  test('can be read by people', () => {
    const { log, lines } = start({ encoding: 'console' });
    log.info({ canary: 'shop/web', note: 'two words', weight: 10 }, 'weight set');
    expect(lines).toEqual([
      '2026-01-01T00:00:00.000000Z INFO  weight set canary=shop/web note="two words" weight=10\n',
    ]);
  });
});
