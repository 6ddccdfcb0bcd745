// Payloads: Flagger's fields, and a checksum that moves with revision and configs alone.
import { expect, test } from 'vitest';
import { asRevision } from '../../../src/api/canary.ts';
import { asInstant } from '../../../src/clock/clock.ts';
import { checksumOf, eventPayload, hookPayload } from '../../../src/webhooks/payload.ts';

const status = {
  lastAppliedSpec: asRevision('a'.repeat(64)),
  trackedConfigs: { 'configmap/web': '0123456789abcdef', 'secret/web': 'fedcba9876543210' },
};
const subject = {
  canary: { namespace: 'shop', name: 'web' },
  phase: 'Progressing',
  status,
} as const;
const told = { name: 'web', namespace: 'shop', phase: 'Progressing', checksum: checksumOf(status) };

test('a hook is told the Canary, its phase, the checksum and the metadata of its author', () => {
  const metadata = { type: 'bash', cmd: 'curl http://web-canary.shop' };
  expect(hookPayload({ type: 'pre-rollout', metadata }, subject)).toEqual({ ...told, metadata });
  expect(JSON.stringify(hookPayload({ type: 'rollout', metadata: {} }, subject))).toBe(
    JSON.stringify(told),
  );
});

test('an event says what happened and when, and metadata cannot say otherwise', () => {
  const metadata = { eventMessage: 'all is well', timestamp: '0', team: 'shop' };
  const event = {
    type: 'Warning',
    message: 'rolling back',
    at: asInstant(1_767_225_600_123.4),
  } as const;
  expect(eventPayload({ metadata }, subject, event)).toEqual({
    ...told,
    metadata: {
      eventMessage: 'rolling back',
      eventType: 'Warning',
      timestamp: '1767225600123',
      team: 'shop',
    },
  });
});

test('metadata that would be a prototype is only a name', () => {
  const metadata = JSON.parse('{"__proto__":"x"}');
  const event = { type: 'Normal', message: 'm', at: asInstant(0) } as const;
  const payload = eventPayload({ metadata }, subject, event);
  expect(JSON.parse(JSON.stringify(payload))).toHaveProperty('metadata.eventType', 'Normal');
  expect(Object.getPrototypeOf(payload)).toBe(Object.prototype);
});

test('the checksum is the same for the same revision and configs, in whatever order', () => {
  const turned = Object.fromEntries(Object.entries(status.trackedConfigs).toReversed());
  expect(checksumOf({ ...status, trackedConfigs: turned })).toBe(checksumOf(status));
  expect(checksumOf(status)).toBe('032cb55d32ff662a');
});

test('the checksum changes with the revision and with any config', () => {
  const { trackedConfigs } = status;
  const others = [
    { ...status, lastAppliedSpec: asRevision('b'.repeat(64)) },
    { ...status, lastAppliedSpec: '' as const },
    { ...status, trackedConfigs: {} },
    { ...status, trackedConfigs: { ...trackedConfigs, 'secret/web': '0' } },
  ];
  const checksums = new Set([status, ...others].map(checksumOf));
  expect(checksums.size).toBe(5);
});
