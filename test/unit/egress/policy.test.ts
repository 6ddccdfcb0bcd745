// The policy: what is refused whatever the flags say, and what the flags say.
import { describe, expect, test } from 'vitest';
import {
  judgeAddress,
  judgeUrl,
  parseEgressRules,
  type EgressPolicy,
} from '../../../src/egress/policy.ts';
import { atHome, inCluster, rules } from './calls.ts';

function allowed(url: string, policy: EgressPolicy): boolean {
  return judgeUrl(url, policy).kind === 'allowed';
}

test.each([
  'http://prometheus.monitoring:9090',
  'https://prometheus.example.com/base/?dedup=true',
  'http://10.96.0.10:9090',
  'http://[fd12:3456::1]:9090/',
  'http://under_score.shop.svc.cluster.local.',
  'http://metadata.shop/',
])('%s may be called from a cluster', (url) => {
  expect(judgeUrl(url, inCluster)).toMatchObject({ kind: 'allowed' });
});

test('loopback may be called outside of a cluster', () => {
  expect(allowed('http://127.0.0.1:9090', atHome)).toBe(true);
  expect(allowed('http://localhost:9090', atHome)).toBe(true);
  expect(judgeAddress('localhost', '::1', atHome)).toBeNull();
});

describe('--egress-allow', () => {
  const policy = { ...inCluster, allow: rules('10.0.0.0/8', 'example.com', '*.only.test') };

  test.each([
    ['http://10.1.2.3', true],
    ['http://11.1.2.3', false],
    ['http://example.com', true],
    ['http://a.b.EXAMPLE.com.', true],
    ['http://badexample.com', true], // its addresses decide
    ['http://[::ffff:10.1.2.3]', true],
  ])('%s: %s', (url, expected) => {
    expect(allowed(url, policy)).toBe(expected);
  });

  test('a name of the list may have any address, another name only those of the list', () => {
    expect(judgeAddress('example.com', '8.8.8.8', policy)).toBeNull();
    expect(judgeAddress('x.only.test', '8.8.8.8', policy)).toBeNull();
    expect(judgeAddress('only.test', '8.8.8.8', policy)).toContain('--egress-allow');
    expect(judgeAddress('badexample.com', '8.8.8.8', policy)).toContain('--egress-allow');
    expect(judgeAddress('other.test', '10.9.9.9', policy)).toBeNull();
  });

  test('with names only, other names are refused before they are resolved', () => {
    const named = { ...inCluster, allow: rules('example.com') };
    expect(allowed('http://badexample.com', named)).toBe(false);
    expect(allowed('http://8.8.8.8', named)).toBe(false);
  });

  test('it does not open what is always refused', () => {
    const open = { ...inCluster, allow: rules('0.0.0.0/0', '::/0', 'evil.test') };
    expect(allowed('http://169.254.169.254', open)).toBe(false);
    expect(allowed('http://127.0.0.1', open)).toBe(false);
    expect(judgeAddress('evil.test', '169.254.169.254', open)).toContain('link-local');
    expect(judgeAddress('evil.test', '127.0.0.1', open)).toContain('this host itself');
  });

  test('an IPv6 address that hides an allowed IPv4 address is not allowed by that', () => {
    expect(allowed('http://[2002:a01:203::1]', policy)).toBe(false);
  });
});

describe('--egress-deny', () => {
  const policy = { ...inCluster, allow: rules('10.0.0.0/8'), deny: rules('10.0.0.1', 'bad.test') };

  test('it wins over --egress-allow', () => {
    expect(allowed('http://10.0.0.1', policy)).toBe(false);
    expect(allowed('http://10.0.0.2', policy)).toBe(true);
    expect(judgeAddress('good.test', '10.0.0.1', policy)).toContain('--egress-deny');
  });

  test('it covers a name and all below it', () => {
    expect(allowed('http://bad.test', policy)).toBe(false);
    expect(allowed('http://x.bad.test.', policy)).toBe(false);
    expect(allowed('http://notbad.test', policy)).toBe(true);
  });

  test('it covers the address in every disguise', () => {
    expect(judgeAddress('x.test', '64:ff9b::a00:1', policy)).toContain('--egress-deny');
  });
});

test('a flag entry that means nothing is a problem, not a rule', () => {
  const entries = ['10.0.0.1/8', '', 'a b', 'http://x', '300.1.2.3', '*', 'ok.test', '1.2.3'];
  const { rules: parsed, problems } = parseEgressRules('--egress-deny', entries);
  expect(parsed.hosts).toEqual([{ suffix: 'ok.test', itself: true }]);
  expect(parsed.cidrs).toEqual([]);
  expect(problems).toHaveLength(7);
  expect(problems[0]).toMatchObject({ reason: 'InvalidFlag', path: '--egress-deny' });
});

test('something that is no address is refused', () => {
  expect(judgeAddress('x.test', 'y.test', atHome)).toContain('no address');
});

test('no refusal repeats the path, the query or the password of a URL', () => {
  const urls = [
    'http://u:hunter2@x.test/',
    'ftp://x.test/hunter2',
    'http://127.0.0.1/hunter2?hunter2#hunter2',
    'http://hunter2 .test/',
  ];
  for (const url of urls) expect(JSON.stringify(judgeUrl(url, inCluster))).not.toContain('hunter2');
});
