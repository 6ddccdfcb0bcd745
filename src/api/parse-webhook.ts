// One entry of spec.analysis.webhooks with its defaults: an address to call, or a command to run in a pod.
import type { HookCommand, HookType, WebhookSpec } from './canary.ts';
import { readDuration } from './findings.ts';
import type { Findings } from './findings.ts';
import type { RawWebhook } from './schema/canary-analysis.ts';

interface Place {
  readonly path: string;
  readonly found: Findings;
}

export function parseWebhook(raw: RawWebhook, { path, found }: Place): WebhookSpec {
  const type = raw.type === undefined || raw.type === '' ? 'rollout' : raw.type;
  return {
    name: raw.name,
    type,
    url: address(raw, type, { path, found }),
    exec: command(raw, type, { path, found }),
    timeoutMs: readDuration(
      raw.timeout,
      { path: `${path}.timeout`, found },
      { fallbackMs: 10_000, min: '1ms', max: '1h' },
    ),
    retries: raw.retries ?? 0,
    disableTLS: raw.disableTLS ?? false,
    muteAlert: raw.muteAlert ?? false,
    metadata: raw.metadata ?? {},
  };
}

function address({ url }: RawWebhook, type: HookType, { path, found }: Place): string {
  const at = `${path}.url`;
  if (type === 'exec') {
    if (url !== undefined)
      found.invalid(at, 'cannot be given with type exec: nothing is called, a command is run');
    return '';
  }
  if (url === undefined) found.invalid(at, `is needed by type ${type}`);
  else if (!URL.canParse(url)) found.invalid(at, 'must be an http or https address');
  return url ?? '';
}

function command(raw: RawWebhook, type: HookType, { path, found }: Place): HookCommand | null {
  const at = `${path}.exec`;
  const { exec } = raw;
  if (type !== 'exec') {
    if (exec !== undefined) found.invalid(at, `needs type exec: ${type} calls an address`);
    return null;
  }
  for (const field of ['retries', 'disableTLS', 'metadata'] as const)
    if (raw[field] !== undefined)
      found.noEffect(`${path}.${field}`, 'has no effect with type exec');
  if (exec === undefined) {
    found.invalid(at, 'is needed by type exec: the command to run');
    return null;
  }
  if (exec.command[0] === '') found.invalid(`${at}.command[0]`, 'must name a program');
  return { command: exec.command, container: exec.container ?? null };
}
