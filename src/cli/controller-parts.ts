// The parts of `serin controller`, as the lifecycle starts and stops them.
import { type HealthServer, startHealthServer } from '../controller/health.ts';
import type { Lease } from '../controller/lease.ts';
import { EXIT_CODES, type Part } from '../controller/lifecycle.ts';
import type { Operator } from '../reconcilers/operator.ts';
import type { EventBroadcaster } from '../recorder/events.ts';
import type { Log } from '../recorder/log.ts';
import type { Metrics } from '../recorder/metrics.ts';

export function healthPart(
  { operator, lease }: { readonly operator: Operator; readonly lease: Lease | null },
  { port, metrics, log }: { readonly port: number; readonly metrics: Metrics; readonly log: Log },
): Part {
  return {
    name: 'health',
    async start(signal) {
      const server: HealthServer = await startHealthServer(
        {
          port,
          live: lease === null ? {} : { lease: () => lease.problem() },
          ready: { caches: () => (operator.ready() ? null : 'the caches are being filled') },
          metrics: { render: () => metrics.render(), contentType: metrics.contentType },
          log,
        },
        signal,
      );
      log.info({ port: server.port }, 'health and metrics are served');
      return { stop: (until) => server.close(until) };
    },
  };
}

/** Stands for election once the caches are filled: who leads must be able to act. */
export function leasePart(lease: Lease, operator: Operator): Part {
  return {
    name: 'lease',
    stopLimitMs: 5_000,
    endCode: EXIT_CODES.leaseLost,
    async start() {
      const stop = new AbortController();
      const running = operator.warm(stop.signal).then(() => lease.run(stop.signal));
      const ended = running.catch((error: unknown) => {
        if (stop.signal.aborted) return 'it was asked to stop';
        throw error;
      });
      return {
        ended,
        stop: async (signal) => {
          stop.abort(new Error('the election was asked to stop'));
          await ended;
          await lease.release(signal);
        },
      };
    },
  };
}

export function eventsPart(events: EventBroadcaster): Part {
  return {
    name: 'events',
    stopLimitMs: 5_000,
    start: async () => ({ stop: (until) => events.stop(until) }),
  };
}

export function operatorPart(operator: Operator): Part {
  return {
    name: 'operator',
    // Of 30 s in all: the rest is for Events and for giving the lease back.
    stopLimitMs: 20_000,
    async start() {
      const stop = new AbortController();
      const running = operator.run(stop.signal);
      const ended = running.then(
        () => 'the operator stopped',
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      return {
        ended,
        stop: async () => {
          stop.abort(new Error('the operator was asked to stop'));
          await ended;
        },
      };
    },
  };
}
