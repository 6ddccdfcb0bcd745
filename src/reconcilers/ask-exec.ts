// Puts the question of an `exec` hook: runs its command in a ready pod of the canary.
import type { HookCommand, WebhookSpec } from '../api/canary.ts';
import type { Client } from '../client/client.ts';
import { isApiError } from '../client/errors.ts';
import type { Clock } from '../clock/clock.ts';
import { type CommandEnd, type GateOutcome, gateOutcome, noAnswer } from '../webhooks/exec-gate.ts';
import type { PodChoice } from './canary-pod.ts';

type Timed = Pick<WebhookSpec, 'timeoutMs'>;

export interface ExecParts {
  readonly client: Pick<Client, 'exec'>;
  readonly clock: Clock;
  readonly choosePod: (container: string | null) => PodChoice;
}

/** Throws nothing but the signal's reason. Of the output nothing is kept. */
export async function askExec(
  parts: ExecParts,
  { hook, exec }: { readonly hook: Timed; readonly exec: HookCommand },
  signal: AbortSignal,
): Promise<GateOutcome> {
  const { clock } = parts;
  const choice = parts.choosePod(exec.container);
  if (choice.kind === 'none') return noAnswer(choice.why);
  const startMs = clock.monotonicMs();
  const end = await run(parts, { hook, exec, choice }, signal);
  return gateOutcome(hook, { pod: choice.pod.name, end, tookMs: clock.since(startMs) });
}

interface Run {
  readonly hook: Timed;
  readonly exec: HookCommand;
  readonly choice: Extract<PodChoice, { kind: 'pod' }>;
}

async function run({ client }: ExecParts, of: Run, signal: AbortSignal): Promise<CommandEnd> {
  const { pod, container } = of.choice;
  const { command } = of.exec;
  const deadlineMs = of.hook.timeoutMs;
  try {
    const outcome = await client.exec(pod, {
      command,
      container,
      outputBytesMax: 0,
      deadlineMs,
      signal,
    });
    return outcome.kind === 'exited'
      ? { kind: 'exited', exitCode: outcome.exitCode }
      : { kind: 'unfinished' };
  } catch (error) {
    if (isApiError(error)) return { kind: 'unknown', why: error.message };
    throw error;
  }
}
