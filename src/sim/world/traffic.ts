// Steady traffic to an app, counted between shifts by arithmetic instead of request by request.
import type { Clock } from '../../clock/clock.ts';
import type { App, DataPlane, Entrance, Flow } from './proxies.ts';

/** How an image really behaves. */
export interface Truth {
  /** 0 to 1. */
  readonly errorRate: number;
  readonly latencyMs: number;
}

/** Requests of a window; not whole numbers, as they are integrals. */
export interface Count {
  readonly requests: number;
  readonly failed: number;
  /** Of all requests together; divided by them it is the mean. */
  readonly latencyMs: number;
}

export interface TrafficOptions {
  readonly clock: Clock;
  readonly plane: DataPlane;
  readonly namespace: string;
  /** Service whose users these are. */
  readonly apex: string;
  /** Default `auto`; a load tester that calls `<apex>-canary` enters by `service`. */
  readonly entrance?: Entrance;
  readonly perSecond: number;
  readonly truth: (image: string) => Truth;
}

/** What went one way to one pod since the start. */
export interface Series {
  readonly namespace: string;
  readonly flow: Omit<Flow, 'share'>;
  /** Monotonic time of its first request. */
  readonly bornMs: number;
  /** Monotonic time at which its pod left the cluster; null while it is there. */
  readonly goneMs: number | null;
  /** Times are monotonic milliseconds; what lies outside of the past counts nothing. */
  window(fromMs: number, toMs: number): Count;
}

const NOTHING: Count = { requests: 0, failed: 0, latencyMs: 0 };
/** No pod, no answer: it fails at once. */
const LOST: Truth = { errorRate: 1, latencyMs: 0 };

export class Traffic {
  readonly #options: TrafficOptions;
  readonly #app: App;
  readonly #series = new Map<string, Line>();
  #truth: (image: string) => Truth;
  #perSecond: number;

  constructor(options: TrafficOptions) {
    const { plane, namespace, apex, entrance = 'auto' } = options;
    this.#options = options;
    this.#app = { namespace, apex, entrance };
    this.#truth = options.truth;
    this.#perSecond = options.perSecond;
    this.#turn();
    plane.onShift((app) => {
      if (app.namespace === namespace && app.apex === apex && app.entrance === entrance)
        this.#turn();
    });
    plane.onGone((where, pod) => {
      if (where !== namespace) return;
      for (const line of this.#series.values()) if (line.flow.pod === pod) line.end(this.#nowMs);
    });
  }

  /** From now on. */
  setRate(perSecond: number): void {
    this.#perSecond = perSecond;
    this.#turn();
  }

  /** From now on: an image that turns bad, or a world where it never was. */
  setTruth(truth: (image: string) => Truth): void {
    this.#truth = truth;
    this.#turn();
  }

  /** What pods of this image answered, whatever way the requests came. Times are monotonic milliseconds. */
  window(image: string, fromMs: number, toMs: number): Count {
    return this.#sum((line) => line.flow.pod !== '' && line.flow.image === image, fromMs, toMs);
  }

  /** Requests that met no pod. */
  lost(fromMs: number, toMs: number): number {
    return this.#sum((line) => line.flow.pod === '', fromMs, toMs).requests;
  }

  total(fromMs: number, toMs: number): Count {
    return this.#sum(() => true, fromMs, toMs);
  }

  /** For whoever scrapes. */
  get series(): Iterable<Series> {
    return this.#series.values();
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #sum(which: (line: Line) => boolean, fromMs: number, toMs: number): Count {
    let sum = NOTHING;
    const endMs = Math.min(toMs, this.#nowMs);
    for (const line of this.#series.values()) {
      if (which(line)) sum = plus(sum, line.window(fromMs, endMs));
    }
    return sum;
  }

  #turn(): void {
    const { plane, namespace } = this.#options;
    const nowMs = this.#nowMs;
    const flowing = new Set<Line>();
    for (const flow of plane.flows(namespace, this.#app.apex, this.#app.entrance)) {
      const perMs = (flow.share * this.#perSecond) / 1000;
      if (perMs <= 0) continue;
      const key = `${flow.by}/${flow.route}/${flow.service}/${flow.canary}/${flow.pod}/${flow.image}`;
      const line = this.#series.get(key) ?? new Line(namespace, flow, this.#options.clock);
      this.#series.set(key, line);
      flowing.add(line);
      const { errorRate, latencyMs } = flow.pod === '' ? LOST : this.#truth(flow.image);
      line.run(nowMs, {
        requests: perMs,
        failed: perMs * errorRate,
        latencyMs: perMs * latencyMs,
      });
    }
    for (const line of this.#series.values()) if (!flowing.has(line)) line.run(nowMs, NOTHING);
  }
}

interface Turn {
  readonly atMs: number;
  /** Since the start, at that moment. */
  readonly before: Count;
  /** For each millisecond from then on. */
  readonly perMs: Count;
}

/** A counter that runs at one speed between turns. It keeps every turn: a model lives no longer than its run. */
class Line implements Series {
  readonly namespace: string;
  readonly flow: Omit<Flow, 'share'>;
  readonly bornMs: number;
  readonly #clock: Clock;
  readonly #turns: Turn[] = [];
  #goneMs: number | null = null;

  constructor(namespace: string, flow: Omit<Flow, 'share'>, clock: Clock) {
    this.namespace = namespace;
    this.flow = flow;
    this.#clock = clock;
    this.bornMs = clock.monotonicMs();
  }

  get goneMs(): number | null {
    return this.#goneMs;
  }

  end(nowMs: number): void {
    this.#goneMs ??= nowMs;
  }

  run(atMs: number, perMs: Count): void {
    const last = this.#turns.at(-1);
    if (last !== undefined && equal(last.perMs, perMs)) return;
    if (perMs.requests > 0) this.#goneMs = null;
    const before = last === undefined ? NOTHING : grown(last, atMs);
    if (last?.atMs === atMs) this.#turns.pop();
    this.#turns.push({ atMs, before, perMs });
  }

  window(fromMs: number, toMs: number): Count {
    const endMs = Math.min(toMs, this.#clock.monotonicMs());
    if (endMs <= fromMs) return NOTHING;
    const [from, to] = [this.#at(fromMs), this.#at(endMs)];
    return {
      requests: to.requests - from.requests,
      failed: to.failed - from.failed,
      latencyMs: to.latencyMs - from.latencyMs,
    };
  }

  #at(atMs: number): Count {
    let low = 0;
    let high = this.#turns.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#turns[middle]?.atMs ?? 0) <= atMs) low = middle + 1;
      else high = middle;
    }
    const turn = this.#turns[low - 1];
    return turn === undefined ? NOTHING : grown(turn, atMs);
  }
}

function grown({ atMs, before, perMs }: Turn, toMs: number): Count {
  const passedMs = toMs - atMs;
  return {
    requests: before.requests + perMs.requests * passedMs,
    failed: before.failed + perMs.failed * passedMs,
    latencyMs: before.latencyMs + perMs.latencyMs * passedMs,
  };
}

function plus(a: Count, b: Count): Count {
  return {
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    latencyMs: a.latencyMs + b.latencyMs,
  };
}

function equal(a: Count, b: Count): boolean {
  return a.requests === b.requests && a.failed === b.failed && a.latencyMs === b.latencyMs;
}
