// TLS: verified by default, by the authority that is given besides the system's, or not at all when that is asked for.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VirtualClock } from '../../../src/clock/virtual-clock.ts';
import type { EgressCall } from '../../../src/egress/call.ts';
import { createEgress, type Egress } from '../../../src/egress/egress.ts';
import { atHome, forever, get } from './calls.ts';
import { TEST_CA, TEST_CERT, TEST_KEY } from './certificates.ts';
import { type LoopbackServer, serve } from './loopback-server.ts';

let server: LoopbackServer;
let egress: Egress;
beforeAll(async () => {
  server = await serve((response) => response.end('ok'), { key: TEST_KEY, cert: TEST_CERT });
  const resolver = async () => ['127.0.0.1'];
  egress = createEgress({ clock: new VirtualClock(), policy: atHome, resolver });
});
afterAll(async () => {
  await egress[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function call(host: string, change: Partial<EgressCall>) {
  return egress.call(get(`https://${host}:${server.port}/`, change), forever);
}

test('a certificate of an unknown authority is not trusted', async () => {
  const result = await call('metrics.test', {});
  expect(result).toMatchObject({ kind: 'failure', failure: 'Unreachable' });
  expect(result).toHaveProperty(
    'message',
    expect.stringContaining('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
  );
});

test('it is with that authority, by name and by address', async () => {
  expect(await call('metrics.test', { ca: TEST_CA })).toMatchObject({ status: 200 });
  expect(await call('127.0.0.1', { ca: TEST_CA })).toMatchObject({ status: 200 });
});

test('a certificate for another name is not', async () => {
  const result = await call('other.test', { ca: TEST_CA });
  expect(result).toHaveProperty('message', expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'));
  expect(JSON.stringify(result)).not.toContain('metrics.test');
});

test('without verification any certificate will do, for that call alone', async () => {
  expect(await call('other.test', { insecureSkipVerify: true })).toMatchObject({ status: 200 });
  expect(await call('other.test', {})).toMatchObject({ kind: 'failure' });
});

test.each([
  '',
  'nonsense',
  '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
  TEST_KEY,
])('an authority that is no certificate is refused', async (ca) => {
  expect(await call('metrics.test', { ca })).toMatchObject({ failure: 'Refused', status: null });
});

test('many authorities do not pile up, and the one in use stays right', async () => {
  for (let round = 0; round < 40; round++) {
    const ca = `# ${round}\n${TEST_CA}`;
    expect(await call('metrics.test', { ca })).toMatchObject({ status: 200 });
  }
  expect(await call('metrics.test', { ca: TEST_CA })).toMatchObject({ status: 200 });
});
