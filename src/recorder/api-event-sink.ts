// Writes Events to the API server as events.k8s.io/v1: once for a new fact, then as a series that is counted in memory.
import type { Client, WriteOptions } from '../client/client.ts';
import { isApiError } from '../client/errors.ts';
import type { Clock, Timer } from '../clock/clock.ts';
import {
  EVENTS,
  eventName,
  eventObject,
  namespaceOf,
  type Series,
  seriesPatch,
  unsaid,
} from './api-event.ts';
import {
  type EventObject,
  type EventSink,
  type OccurredEvent,
  seriesKey,
  spamKey,
} from './event.ts';
import type { Log } from './log.ts';
import { SpamFilter } from './spam-filter.ts';
import { Turns } from './turns.ts';

/** Why an Event did not reach the API server. */
export type DropReason =
  | 'full' // more than `queueMax` waited
  | 'spam' // the object's bucket was empty
  | 'refused' // the API server said no
  | 'gave-up' // no answer in any of the tries
  | 'stopped'; // the operator was going

export interface ApiEventSinkOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** Uniform in [0, 1): jitter and names. */
  readonly random: () => number;
  readonly dropped?: (reason: DropReason) => void;
  /** Series that may wait to be written. Default 1000. */
  readonly queueMax?: number;
  /** Objects whose Events are being seen to at once; those of one stay in order. Default 8. */
  readonly writers?: number;
  /** Series remembered. Default 4096. */
  readonly seriesMax?: number;
  readonly spam?: SpamFilter;
}

const TRIES_MAX = 12;
/** An Event can wait: where many rollouts begin at once it must not take the turn of what carries them on. */
const CALLS_MAX = 2;
const RETRY_MS = 10_000;
const RETRY_JITTER = 0.25;
const CALL_LIMIT_MS = 10_000;
const RESEND_MS = 30 * 60_000;
const FINISH_MS = 6 * 60_000;
const SWEEP_MS = 60_000;

interface Lane {
  readonly waiting: Series[];
  busy: boolean;
}

/**
 * First sighting: POST. Second: PATCH with `series.count` 2. Later ones are counted, and the count is written every
 * 30 min and when 6 min pass without one. A PATCH that finds nothing becomes a POST. Only calls without any answer are
 * tried again (12 times, 10 to 12.5 s apart): an answer, even a bad one, is the server's last word on an Event.
 */
export class ApiEventSink implements EventSink {
  readonly #options: ApiEventSinkOptions;
  readonly #spam: SpamFilter;
  readonly #series = new Map<string, Series>();
  readonly #lanes: readonly Lane[];
  readonly #stop = new AbortController();
  readonly #idle = new Set<() => void>();
  #sweep: Timer | null = null;
  #waiting = 0;
  #numbers: number;
  readonly #turns = new Turns(CALLS_MAX);
  #closed = false;

  constructor(options: ApiEventSinkOptions) {
    this.#options = options;
    this.#spam = options.spam ?? new SpamFilter({ clock: options.clock });
    this.#lanes = Array.from({ length: options.writers ?? 8 }, () => ({
      waiting: [],
      busy: false,
    }));
    this.#numbers = Math.floor(options.random() * 1e6);
  }

  take(event: OccurredEvent): void {
    if (this.#closed) {
      this.#drop('stopped');
      return;
    }
    const key = seriesKey(event);
    const known = this.#series.get(key);
    if (known !== undefined) this.#seenAgain(known, event);
    // Seen twice is news, seen a third time is a number.
    if (known !== undefined && known.written > 0 && known.count > 2) return;
    if (known?.due === true) return;
    if (!this.#spam.admits(spamKey(event), event.reason)) {
      this.#drop('spam');
      return;
    }
    this.#schedule(known ?? this.#begin(key, event));
  }

  async close(signal: AbortSignal): Promise<void> {
    this.#closed = true;
    this.#sweep?.stop();
    for (const series of this.#series.values()) {
      if (series.count > series.written && series.written > 0) this.#schedule(series);
    }
    const giveUp = () => {
      this.#stop.abort(signal.reason);
      this.#tellIdle();
    };
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    await this.#written();
    signal.removeEventListener('abort', giveUp);
    this.#series.clear();
  }

  #begin(key: string, event: OccurredEvent): Series {
    const series: Series = {
      key,
      first: event,
      name: eventName(event, this.#nextNumber()),
      count: 1,
      lastAt: event.at,
      lastMs: this.#options.clock.monotonicMs(),
      written: 0,
      writtenMs: 0,
      due: false,
    };
    this.#series.set(key, series);
    for (const oldest of this.#series.values()) {
      if (this.#series.size <= (this.#options.seriesMax ?? 4096)) break;
      this.#finish(oldest);
    }
    this.#sweep ??= this.#options.clock.newTimer(SWEEP_MS, () => this.#sweepSeries());
    return series;
  }

  #seenAgain(series: Series, event: OccurredEvent): void {
    series.count += 1;
    series.lastAt = event.at;
    series.lastMs = this.#options.clock.monotonicMs();
    this.#series.delete(series.key);
    this.#series.set(series.key, series);
  }

  #sweepSeries(): void {
    const { clock } = this.#options;
    for (const series of this.#series.values()) {
      if (clock.since(series.lastMs) >= FINISH_MS) this.#finish(series);
      else if (unsaid(series) && clock.since(series.writtenMs) >= RESEND_MS) this.#schedule(series);
    }
    if (this.#series.size > 0) this.#sweep?.reset(SWEEP_MS);
    else this.#sweep = null;
  }

  #finish(series: Series): void {
    this.#series.delete(series.key);
    if (unsaid(series)) this.#schedule(series);
  }

  #schedule(series: Series): void {
    if (series.due) return;
    if (this.#waiting >= (this.#options.queueMax ?? 1000)) {
      this.#drop('full');
      return;
    }
    const lane = this.#lanes[laneOf(series.first.regarding, this.#lanes.length)];
    if (lane === undefined) return;
    series.due = true;
    this.#waiting += 1;
    lane.waiting.push(series);
    if (!lane.busy) void this.#serve(lane);
  }

  /** Never rejects. */
  async #serve(lane: Lane): Promise<void> {
    lane.busy = true;
    for (let series = lane.waiting.shift(); series !== undefined; series = lane.waiting.shift()) {
      this.#waiting -= 1;
      series.due = false;
      if (this.#stop.signal.aborted) this.#drop('stopped');
      else await this.#write(series);
    }
    lane.busy = false;
    if (this.#lanes.some(({ busy }) => busy)) return;
    this.#tellIdle();
  }

  #tellIdle(): void {
    for (const tell of this.#idle) tell();
    this.#idle.clear();
  }

  /** Resolves once no lane is busy, or it is time to give up. */
  #written(): Promise<void> {
    if (this.#stop.signal.aborted || !this.#lanes.some(({ busy }) => busy))
      return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.add(resolve);
    });
  }

  async #write(series: Series): Promise<void> {
    const { clock, random } = this.#options;
    for (let tries = 1; ; tries++) {
      await this.#turns.begin();
      try {
        await this.#send(series);
        return;
      } catch (error) {
        const verdict = this.#judge(series, error, tries);
        if (verdict === 'stored') return;
        if (verdict !== 'retry') {
          this.#drop(verdict);
          return;
        }
      } finally {
        this.#turns.end();
      }
      const delayMs = RETRY_MS * (1 + RETRY_JITTER * random());
      await clock.sleep(delayMs, this.#stop.signal).catch(() => {});
    }
  }

  async #send(series: Series): Promise<void> {
    const { client, clock } = this.#options;
    const options: WriteOptions = { signal: this.#stop.signal, deadlineMs: CALL_LIMIT_MS };
    const { count } = series;
    const namespace = namespaceOf(series.first.regarding);
    const exists =
      series.written > 0 &&
      (await client
        .patch(EVENTS, { namespace, name: series.name }, seriesPatch(series), options)
        .then(
          () => true,
          (error: unknown) => {
            if (isApiError(error, 'not-found')) return false;
            throw error;
          },
        ));
    if (!exists) await client.create(EVENTS, eventObject(series), options);
    series.written = count;
    series.writtenMs = clock.monotonicMs();
  }

  #judge(series: Series, error: unknown, tries: number): DropReason | 'retry' | 'stored' {
    const { log } = this.#options;
    if (this.#stop.signal.aborted) return 'stopped';
    if (isApiError(error, 'already-exists')) {
      // An earlier try arrived although its answer did not.
      series.written = Math.max(1, series.written);
      series.writtenMs = this.#options.clock.monotonicMs();
      return 'stored';
    }
    const event = { reason: series.first.reason, regarding: series.first.regarding.name };
    if (isApiError(error) && error.code === 0) {
      if (tries < TRIES_MAX) return 'retry';
      log.warn({ ...event, error, tries }, 'event not written, no answer');
      return 'gave-up';
    }
    if (isApiError(error) && namespaceEnds(error.status?.causes ?? [])) {
      log.debug({ ...event, error }, 'event not written, namespace is going');
    } else {
      log.warn({ ...event, error }, 'event not written');
    }
    return 'refused';
  }

  #drop(reason: DropReason): void {
    this.#options.dropped?.(reason);
  }

  #nextNumber(): number {
    this.#numbers = (this.#numbers + 1) % 1_000_000;
    return this.#numbers;
  }
}

function namespaceEnds(causes: readonly { readonly reason: string }[]): boolean {
  return causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

/** The same object always gets the same lane, so its Events arrive in order. */
function laneOf(regarding: EventObject, lanes: number): number {
  const text = `${regarding.kind}/${regarding.namespace ?? ''}/${regarding.name}`;
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) >>> 0;
  return sum % lanes;
}
