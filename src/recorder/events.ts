// The broadcaster: recorders tell it facts, it hands each to every sink, and nobody who tells one ever waits.
import type { Clock } from '../clock/clock.ts';
import {
  type EventInput,
  type EventRecorder,
  type EventSink,
  type OccurredEvent,
  occurred,
} from './event.ts';
import type { Log } from './log.ts';

export const REPORTING_CONTROLLER = 'serin.dev/controller';

export interface EventBroadcasterOptions {
  readonly clock: Clock;
  /** Names this replica, e.g. its pod; `reportingInstance` of its Events. */
  readonly instance: string;
  readonly sinks: readonly EventSink[];
  readonly log: Log;
}

export class EventBroadcaster {
  readonly #options: EventBroadcasterOptions;

  constructor(options: EventBroadcasterOptions) {
    this.#options = options;
  }

  /** A recorder whose Events carry this source. */
  recorder(reportingController: string = REPORTING_CONTROLLER): EventRecorder {
    const { clock, instance: reportingInstance } = this.#options;
    return {
      event: (input: EventInput) =>
        this.#tell(occurred(input, { reportingController, reportingInstance }, clock.now())),
    };
  }

  /** Lets the sinks write what they still owe until the signal ends; later Events are not written any more. */
  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#options.sinks.map((sink) => sink.close(signal)));
  }

  #tell(event: OccurredEvent): void {
    for (const sink of this.#options.sinks) {
      try {
        sink.take(event);
      } catch (error) {
        // A broken sink must neither stop what is being told about nor the other sinks.
        this.#options.log.error({ error, reason: event.reason }, 'event sink failed');
      }
    }
  }
}

/** Writes each Event as a log line: Normal as `info`, Warning as `warn`. */
export function logSink(log: Log): EventSink {
  return {
    take(event) {
      const { regarding, related, type, reason, action, note } = event;
      const fields = {
        reason,
        action,
        regarding: told(regarding),
        ...(related === undefined ? {} : { related: told(related) }),
        note,
      };
      if (type === 'Warning') log.warn(fields, 'event');
      else log.info(fields, 'event');
    },
    close: () => Promise.resolve(),
  };
}

function told(object: EventInput['regarding']): string {
  const { kind, namespace, name } = object;
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}
