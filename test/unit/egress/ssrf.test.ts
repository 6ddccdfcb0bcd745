// Hostile addresses: refused before anything is connected to, whatever they are spelled or resolved like.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import { createEgress } from '../../../src/egress/egress.ts';
import { atHome, forever, get, inCluster, rules } from './calls.ts';
import { type LoopbackServer, serve } from './loopback-server.ts';
import { HOSTILE_ANSWERS, HOSTILE_URLS } from './ssrf-corpus.ts';

let server: LoopbackServer;
beforeAll(async () => {
  server = await serve((response) => response.end('secret'));
});
afterAll(() => server[Symbol.asyncDispose]());

test('the corpus is not small', () => {
  expect(new Set(HOSTILE_URLS).size).toBeGreaterThanOrEqual(150);
});

test.each(HOSTILE_URLS.map((url) => [url]))(
  '%j is refused before its host is resolved',
  async (template) => {
    let resolved = 0;
    const resolver = async () => {
      resolved += 1;
      return ['127.0.0.1'];
    };
    await using egress = createEgress({ clock: new VirtualClock(), policy: inCluster, resolver });
    const url = template.replaceAll('PORT', String(server.port));
    const result = await egress.call(get(url), forever);
    expect(result).toMatchObject({ kind: 'failure', failure: 'Refused', status: null });
    expect(resolved).toBe(0);
    expect(server.connections).toBe(0);
  },
);

test.each(HOSTILE_ANSWERS.map((answer) => [answer]))(
  'a name that resolves to %j is refused before connecting',
  async (answer) => {
    const policy = inCluster;
    const resolver = async () => answer;
    await using egress = createEgress({ clock: new VirtualClock(), policy, resolver });
    for (const scheme of ['http', 'https']) {
      const url = `${scheme}://prometheus.evil.test:${server.port}/`;
      const result = await egress.call(get(url), forever);
      expect(result).toMatchObject({ kind: 'failure', failure: 'Refused', status: null });
    }
    expect(server.connections).toBe(0);
  },
);

describe('DNS rebinding', () => {
  test('a connection goes to the very addresses that were judged, resolved once', async () => {
    await using local = await serve((response) => response.end('ok'));
    const asked: string[] = [];
    const answers = [['127.0.0.1'], ['169.254.169.254']];
    const resolver = async (host: string) => {
      asked.push(host);
      return answers[asked.length - 1] ?? [];
    };
    await using egress = createEgress({ clock: new VirtualClock(), policy: atHome, resolver });
    const call = get(`http://Rebind.Test.:${local.port}/`, { reuse: false });
    expect(await egress.call(call, forever)).toMatchObject({ kind: 'answer', status: 200 });
    expect(asked).toEqual(['rebind.test.']);
    // The name has moved on: a new connection is judged anew and refused.
    expect(await egress.call(call, forever)).toMatchObject({ failure: 'Refused' });
    expect(local.connections).toBe(1);
  });

  test('an answer that was allowed by name stays within the denied ranges', async () => {
    const policy = { ...atHome, allow: rules('ok.test'), deny: rules('127.0.0.0/8') };
    const resolver = async () => ['127.0.0.1'];
    await using egress = createEgress({ clock: new VirtualClock(), policy, resolver });
    const result = await egress.call(get(`http://ok.test:${server.port}/`), forever);
    expect(result).toMatchObject({ failure: 'Refused' });
    expect(server.connections).toBe(0);
  });
});
