// What a command in a pod of the canary says: its exit code alone, never a byte of what it wrote.
import type { WebhookSpec } from '../api/canary.ts';
import { formatDuration } from '../api/duration.ts';

/** How a command ended, as far as a gate may know of it. */
export type CommandEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  /** It had begun and ran on when its time was over. */
  | { readonly kind: 'unfinished' }
  /** Whether it ran at all, or to what end, is not known. */
  | { readonly kind: 'unknown'; readonly why: string };

export interface GateOutcome {
  readonly ok: boolean;
  /** False: the command gave no answer. */
  readonly heard: boolean;
  readonly message: string;
}

const WHY_CHARS_MAX = 400;

export function gateOutcome(
  hook: Pick<WebhookSpec, 'timeoutMs'>,
  ran: { readonly pod: string; readonly end: CommandEnd; readonly tookMs: number },
): GateOutcome {
  const { pod, end, tookMs } = ran;
  switch (end.kind) {
    case 'exited': {
      const message = `the command in pod ${pod} exited with ${end.exitCode} after ${Math.round(tookMs)} ms`;
      return { ok: end.exitCode === 0, heard: true, message };
    }
    case 'unfinished': {
      const message = `the command in pod ${pod} ran on after ${formatDuration(hook.timeoutMs)}`;
      return { ok: false, heard: true, message };
    }
    case 'unknown':
      return noAnswer(end.why);
  }
}

/** The command could not be asked. */
export function noAnswer(why: string): GateOutcome {
  return { ok: false, heard: false, message: `no exit code: ${why.slice(0, WHY_CHARS_MAX)}` };
}
