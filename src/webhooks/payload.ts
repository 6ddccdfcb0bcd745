// What a hook is told: Flagger's payload, field for field.
import { createHash } from 'node:crypto';
import type { CanaryStatus, HookType, NamespacedName, Phase, WebhookSpec } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';

export interface HookPayload {
  /** Of the Canary. */
  readonly name: string;
  readonly namespace: string;
  readonly phase: Phase;
  /** Changes when the revision or a tracked config does. */
  readonly checksum: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface HookSubject {
  readonly canary: NamespacedName;
  readonly phase: Phase;
  readonly status: Pick<CanaryStatus, 'trackedConfigs' | 'lastAppliedSpec'>;
}

/** For every type of hook but `event`. */
export function hookPayload(
  hook: Pick<WebhookSpec, 'metadata'> & { readonly type: Exclude<HookType, 'event'> },
  subject: HookSubject,
): HookPayload {
  const { metadata } = hook;
  return { ...told(subject), ...(Object.keys(metadata).length > 0 && { metadata }) };
}

export interface HookEvent {
  readonly type: 'Normal' | 'Warning';
  readonly message: string;
  readonly at: Instant;
}

/** For `event` hooks; metadata of the user's own is added and never replaces what the event says. */
export function eventPayload(
  hook: Pick<WebhookSpec, 'metadata'>,
  subject: HookSubject,
  event: HookEvent,
): HookPayload {
  const own = {
    eventMessage: event.message,
    eventType: event.type,
    timestamp: String(Math.trunc(event.at)),
  };
  return { ...told(subject), metadata: { ...hook.metadata, ...own } };
}

/** 16 hex digits that are the same for the same revision and configs, on every machine and in every version. */
export function checksumOf(status: HookSubject['status']): string {
  const configs = Object.entries(status.trackedConfigs).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify([status.lastAppliedSpec, configs]);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function told({ canary, phase, status }: HookSubject) {
  return {
    name: canary.name,
    namespace: canary.namespace,
    phase,
    checksum: checksumOf(status),
  };
}
