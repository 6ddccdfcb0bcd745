// What may befall one write of the operator: a death before or after it, a lost answer, a refusal.
import { ApiError } from '../../client/errors.ts';
import type { Call, Gate } from '../store/model-client.ts';

export const MODES = [
  'crash-before',
  'crash-after-commit',
  'committed-but-error',
  'rejected',
] as const;
export type Mode = (typeof MODES)[number];

/** One fault at the n-th write of all replicas together, counted from 1. */
export interface Fault {
  readonly write: number;
  readonly mode: Mode;
}

/** Counts the writes, and strikes where the plan says so. */
export class Faults implements Gate {
  readonly #left: Fault[];
  readonly #crash: () => void;
  readonly #struck: Fault[] = [];
  #writes = 0;
  /** The fault that the write under way meets. */
  #now: Fault | undefined;

  constructor(plan: readonly Fault[], crash: () => void) {
    this.#left = plan.toSorted((left, right) => left.write - right.write);
    this.#crash = crash;
  }

  get writes(): number {
    return this.#writes;
  }

  get struck(): readonly Fault[] {
    return this.#struck;
  }

  before(call: Call): void {
    if (!call.write) return;
    this.#writes += 1;
    this.#now = this.#left[0]?.write === this.#writes ? this.#left.shift() : undefined;
    if (this.#now === undefined) return;
    this.#struck.push(this.#now);
    if (this.#now.mode === 'crash-before') this.#crash();
    if (this.#now.mode === 'rejected') throw refusal(call, 503, 'the server is overloaded');
  }

  after(call: Call): void {
    if (!call.write || this.#now === undefined) return;
    const { mode } = this.#now;
    this.#now = undefined;
    if (mode === 'crash-after-commit') this.#crash();
    if (mode === 'committed-but-error') throw refusal(call, 504, 'etcdserver: request timed out');
  }
}

function refusal({ verb, resource, key }: Call, code: number, message: string): ApiError {
  const reason = code === 503 ? 'ServiceUnavailable' : 'Timeout';
  const status = { code, reason, message, retryAfterSeconds: null, causes: [] };
  const attempt = `${verb} ${resource.plural} ${key?.namespace ?? ''}/${key?.name ?? ''}`;
  return new ApiError(attempt, { kind: 'transient', code, status, retryAfterMs: null });
}
