// The lease of the one replica that acts: takes it, renews it, gives it back, and forbids writes once it has lapsed.
import type { KubeObject } from '../api/kubernetes.ts';
import type { Client } from '../client/client.ts';
import { isApiError } from '../client/errors.ts';
import { RESOURCES } from '../client/resources.ts';
import type { Clock } from '../clock/clock.ts';
import { orAborted } from '../clock/or-aborted.ts';
import type { Log } from '../recorder/log.ts';
import {
  actsUntilMs,
  type Election,
  JITTER,
  type LeaseTimes,
  type Move,
  newElection,
  nextMove,
  seen,
  stored,
} from './election.ts';
import { LeaseLapsed, type Leadership } from './leadership.ts';
import { type LeaseRecord, leaseObject, releasedRecord, renewedRecord } from './lease-record.ts';

export interface LeaseOptions {
  /** With connections of its own: what else the operator does must not delay a renewal. */
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly namespace: string;
  readonly name: string;
  /** Unique for each run of each replica. */
  readonly identity: string;
  readonly times: LeaseTimes;
  /** Uniform in [0, 1): spreads the tries of several standbys. */
  readonly random: () => number;
  readonly observer?: LeaseObserver;
}

export interface LeaseObserver {
  leads?(leading: boolean): void;
  /** A renewal did not go through at once: the Lease was read again. */
  slowPath?(): void;
}

const REQUEST_LIMIT_MS_MIN = 1000;
const WATCH_SECONDS = 300;
const RELEASE_TRIES_MAX = 5;
/** As controller-runtime: a leader whose lease is this much overdue is stuck. */
const HEALTH_TOLERANCE_MS = 20_000;

export class Lease implements Leadership {
  readonly #options: LeaseOptions;
  readonly #won = Promise.withResolvers<void>();
  readonly #lost = new AbortController();
  #election: Election;
  #released = false;
  #tried = false;
  #watches = true;
  #holder = '';

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#election = newElection(options.identity, options.times);
    options.observer?.leads?.(false);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  won(signal: AbortSignal): Promise<void> {
    return orAborted(this.#won.promise, signal);
  }

  /** By the monotonic clock, at this very moment. */
  get mayWrite(): boolean {
    const untilMs = actsUntilMs(this.#election);
    return !this.#released && untilMs !== null && this.#options.clock.monotonicMs() < untilMs;
  }

  /** Throws LeaseLapsed unless this replica may write now. */
  assertMayWrite(): void {
    if (this.mayWrite) return;
    const { renewedMs } = this.#election;
    if (this.#released) throw new LeaseLapsed('it was given back');
    if (renewedMs === null) throw new LeaseLapsed('this replica does not lead');
    const silentMs = Math.round(this.#options.clock.since(renewedMs));
    throw new LeaseLapsed(`the last renewal is ${silentMs} ms old`);
  }

  /** For the liveness probe: a leader that should long have ended. */
  problem(): string | null {
    const { renewedMs, times } = this.#election;
    if (renewedMs === null || this.#released) return null;
    const silentMs = this.#options.clock.since(renewedMs);
    if (silentMs <= times.leaseMs + HEALTH_TOLERANCE_MS) return null;
    return `leads, but has not renewed its lease for ${Math.round(silentMs / 1000)} s`;
  }

  /** Stands by, leads, and resolves with why it leads no more. Rejects with the signal's reason. */
  async run(signal: AbortSignal): Promise<string> {
    const { observer, log, identity } = this.#options;
    await this.#standBy(signal);
    observer?.leads?.(true);
    const { transitions } = this.#election.record ?? { transitions: 0 };
    log.info({ identity, transitions }, 'this replica leads');
    this.#won.resolve();
    const why = await this.#lead(signal);
    observer?.leads?.(false);
    log.error({ identity, why }, 'this replica leads no more');
    this.#lost.abort(new LeaseLapsed(why));
    return why;
  }

  /** Gives the lease back, so that another replica need not wait. After `run` has ended; nothing may be written any more. */
  async release(signal: AbortSignal): Promise<void> {
    const { log, clock, identity, observer } = this.#options;
    this.#released = true;
    if (!this.#tried || this.#lost.signal.aborted) return;
    observer?.leads?.(false);
    // The answer to a first try may be missing: it may be ours all the same.
    if (this.#election.renewedMs === null) await this.#look(signal);
    for (let tries = 1; ; tries += 1) {
      try {
        const { record, object } = this.#election;
        if (record?.holder !== identity || object === null) return;
        await this.#put(object, releasedRecord(record, clock.now()), signal);
        log.info({ identity }, 'lease given back');
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (tries === RELEASE_TRIES_MAX || !isApiError(error, 'conflict', 'not-found')) throw error;
        await this.#look(signal);
      }
    }
  }

  async #standBy(signal: AbortSignal): Promise<void> {
    const { clock, times } = this.#options;
    for (let missed = false; ; ) {
      try {
        await this.#look(signal);
        if (this.#next().kind === 'write') await this.#write(signal);
        if (this.#election.renewedMs !== null) return;
        missed = false;
        this.#tellHolder();
        await this.#untilDue(signal);
      } catch (error) {
        signal.throwIfAborted();
        // Somebody was faster: at once to see who.
        const again = !missed && isApiError(error, 'conflict', 'already-exists');
        missed = this.#tellMissed(error);
        if (!again) await clock.sleep(this.#jittered(times.retryMs), signal);
      }
    }
  }

  /** Whether somebody else was faster. */
  #tellMissed(error: unknown): boolean {
    const { log } = this.#options;
    const missed = isApiError(error, 'conflict', 'already-exists');
    if (missed) log.debug({ error }, 'lease missed');
    else log.warn({ error }, 'lease cannot be had');
    return missed;
  }

  /** Until the lease may be had, as far as the watch tells, or until it is time to look again. */
  async #untilDue(signal: AbortSignal): Promise<void> {
    const { clock, times, log } = this.#options;
    const due = new AbortController();
    const dueMs = (): number => {
      const move = this.#next();
      return move.kind === 'wait' ? Math.max(0, move.untilMs - clock.monotonicMs()) : 0;
    };
    const timer = clock.newTimer(dueMs(), () => due.abort());
    try {
      const either = AbortSignal.any([signal, due.signal]);
      if (!this.#watches) return await this.#nap(either, times.retryMs / 3);
      for await (const object of this.#changes(either)) {
        this.#election = seen(this.#election, object, clock.monotonicMs());
        if (this.#next().kind !== 'wait') return;
        timer.reset(dueMs());
      }
      await this.#nap(either, times.retryMs / 3);
    } catch (error) {
      signal.throwIfAborted();
      if (due.signal.aborted) return;
      if (isApiError(error, 'forbidden')) {
        log.warn({ error }, 'lease is polled, as it may not be watched');
        this.#watches = false;
      } else log.debug({ error }, 'watch of the lease ended');
      await this.#nap(signal, times.retryMs / 3);
    } finally {
      timer.stop();
    }
  }

  /** The Lease after each change; null = deleted. Ends with the watch. */
  async *#changes(signal: AbortSignal): AsyncIterable<KubeObject | null> {
    const { client, namespace, name } = this.#options;
    const { resourceVersion } = this.#election.object?.metadata ?? {};
    const events = client.watch(RESOURCES.leases, {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      timeoutSeconds: WATCH_SECONDS,
      deadlineMs: this.#requestLimitMs,
      signal,
    });
    for await (const event of events) {
      if (event.type === 'ERROR') return;
      if (event.type === 'DELETED') yield null;
      else if (event.type !== 'BOOKMARK') yield event.object;
    }
  }

  async #lead(signal: AbortSignal): Promise<string> {
    const { clock, times, log } = this.#options;
    for (;;) {
      const move = this.#next();
      if (move.kind === 'lost') return move.why;
      await clock.sleep(Math.min(times.retryMs, Math.max(0, this.#leftMs)), signal);
      try {
        await this.#renew(signal);
      } catch (error) {
        signal.throwIfAborted();
        log.warn({ error, leftMs: Math.round(this.#leftMs) }, 'lease not renewed');
      }
    }
  }

  /** Straight from what was stored last; where that is refused, it is read first. */
  async #renew(signal: AbortSignal): Promise<void> {
    if (this.#next().kind !== 'write') return;
    try {
      await this.#write(signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#options.log.debug({ error }, 'lease is read before it is renewed');
      this.#options.observer?.slowPath?.();
      if (this.#leftMs <= 0) return;
      await this.#look(signal);
      if (this.#next().kind === 'write') await this.#write(signal);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { client, clock, namespace, name } = this.#options;
    const key = { namespace, name };
    const options = { signal, deadlineMs: this.#requestLimitMs };
    try {
      const object = await client.get(RESOURCES.leases, key, options);
      this.#election = seen(this.#election, object, clock.monotonicMs());
    } catch (error) {
      if (!isApiError(error, 'not-found')) throw error;
      this.#election = seen(this.#election, null, clock.monotonicMs());
    }
  }

  async #write(signal: AbortSignal): Promise<void> {
    const { clock, identity, times } = this.#options;
    const { record, object } = this.#election;
    const sentMs = clock.monotonicMs();
    this.#tried = true;
    const wanted = { holder: identity, leaseMs: times.leaseMs, now: clock.now() };
    const now = await this.#put(object, renewedRecord(record, wanted), signal);
    this.#election = stored(this.#election, now, { sentMs, nowMs: clock.monotonicMs() });
  }

  /** Replaces just the object that was read, or makes one where there is none. */
  #put(base: KubeObject | null, record: LeaseRecord, signal: AbortSignal): Promise<KubeObject> {
    const { client, namespace, name } = this.#options;
    const object = leaseObject({ namespace, name }, base, record);
    const options = { signal, deadlineMs: this.#requestLimitMs };
    return base === null
      ? client.create(RESOURCES.leases, object, options)
      : client.update(RESOURCES.leases, object, options);
  }

  #next(): Move {
    return nextMove(this.#election, this.#options.clock.monotonicMs());
  }

  /** Of leadership; infinite for a standby. */
  get #leftMs(): number {
    const untilMs = actsUntilMs(this.#election);
    return untilMs === null
      ? Number.POSITIVE_INFINITY
      : untilMs - this.#options.clock.monotonicMs();
  }

  get #requestLimitMs(): number {
    const { renewDeadlineMs } = this.#options.times;
    const limitMs = Math.max(renewDeadlineMs / 2, REQUEST_LIMIT_MS_MIN);
    return this.#released ? limitMs : Math.max(1, Math.min(limitMs, this.#leftMs));
  }

  #jittered(ms: number): number {
    return ms * (1 + JITTER * this.#options.random());
  }

  #nap(signal: AbortSignal, ms: number): Promise<void> {
    return this.#options.clock.sleep(this.#jittered(ms), signal);
  }

  #tellHolder(): void {
    const holder = this.#election.record?.holder ?? '';
    if (holder === this.#holder) return;
    this.#holder = holder;
    this.#options.log.info({ holder }, 'another replica leads');
  }
}
