// How the stand-in's pods behave: each behaviour is the row of stages that a pod goes through.

/**
 * Milliseconds throughout. As a pod annotation (BEHAVIOUR) it is JSON:
 * `test.serin.dev/behaviour: '{"kind":"crash","afterMs":500}'`.
 */
export type Behaviour =
  /** Runs at once, ready after so long. */
  | { readonly kind: 'ready'; readonly afterMs?: number }
  | { readonly kind: 'never-ready' }
  /**
   * Each time the container ends so long after its start, with code 1, and starts again after the back-off, which
   * doubles (default 1 s, at most 60 s). Ready after `readyAfterMs` (default 0), if it lives that long.
   */
  | {
      readonly kind: 'crash';
      readonly afterMs: number;
      readonly readyAfterMs?: number;
      readonly backoffMs?: number;
    }
  /** Ready and not ready in turn, without restarts. */
  | { readonly kind: 'flap'; readonly everyMs: number }
  /** The image cannot be pulled: the container never starts. */
  | { readonly kind: 'no-image' };

/** The annotation of a pod (or of the template that it is made from) that says how it behaves. */
export const BEHAVIOUR = 'test.serin.dev/behaviour';

export interface Stage {
  readonly state: 'running' | 'ready' | 'crashed' | 'no-image';
  readonly forMs: number;
}

const BACKOFF_MAX_MS = 60_000;

/** May be endless. Stages without length are left out. */
export function* stagesOf(behaviour: Behaviour): Iterable<Stage> {
  for (const stage of allStagesOf(behaviour)) if (stage.forMs > 0) yield stage;
}

function* allStagesOf(behaviour: Behaviour): Iterable<Stage> {
  switch (behaviour.kind) {
    case 'ready':
      yield { state: 'running', forMs: behaviour.afterMs ?? 0 };
      yield { state: 'ready', forMs: Infinity };
      return;
    case 'never-ready':
      yield { state: 'running', forMs: Infinity };
      return;
    case 'no-image':
      yield { state: 'no-image', forMs: Infinity };
      return;
    case 'flap':
      for (;;) {
        yield { state: 'ready', forMs: Math.max(1, behaviour.everyMs) };
        yield { state: 'running', forMs: Math.max(1, behaviour.everyMs) };
      }
    case 'crash': {
      const { afterMs, readyAfterMs = 0, backoffMs = 1_000 } = behaviour;
      for (let wait = Math.max(1, backoffMs); ; wait = Math.min(wait * 2, BACKOFF_MAX_MS)) {
        yield { state: 'running', forMs: Math.min(readyAfterMs, afterMs) };
        yield { state: 'ready', forMs: afterMs - readyAfterMs };
        yield { state: 'crashed', forMs: wait };
      }
    }
  }
}
