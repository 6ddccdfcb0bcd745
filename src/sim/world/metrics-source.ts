// A Prometheus that has scraped the model's traffic: answers the routers' own queries, and those that are scripted.
import type { Clock } from '../../clock/clock.ts';
import type { Series, Traffic } from './traffic.ts';

/** What a query gives: a number (NaN too), no series, or an error of Prometheus by its class. */
export type MetricValue = number | 'none' | { readonly error: string; readonly status: number };

export interface MetricsOptions {
  readonly clock: Clock;
  readonly traffic: readonly Traffic[];
  /** Between two scrapes of a target. Default 5 s. */
  readonly scrapeMs?: number;
  /** From a scrape to the moment at which queries see it. Default 0. */
  readonly lagMs?: number;
}

export interface PrometheusAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

/** A selection of counters over a window that ends now, as a query has it. */
interface Selection {
  readonly family: 'app' | 'nginx';
  readonly matchers: readonly ((labels: Labels) => boolean)[];
  readonly rangeMs: number;
}

type Labels = Readonly<Record<string, string>>;

type BuiltinQuery = Selection &
  (
    | { readonly ask: 'success-rate' }
    | { readonly ask: 'mean' }
    | { readonly ask: 'quantile'; readonly quantile: number }
  );

/** What the samples in the window say of one pod. */
interface Increase {
  readonly requests: number;
  readonly failed: number;
  readonly latencyMs: number;
}

const UNKNOWN_MAX = 100;

export class MetricsSource {
  readonly #options: MetricsOptions;
  readonly #scripts = new Map<string, MetricValue | ((nowMs: number) => MetricValue)>();
  readonly #known = new Map<string, BuiltinQuery | null>();
  readonly #unknown: string[] = [];
  #traffic: readonly Traffic[];

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#traffic = options.traffic;
  }

  /** Further traffic that is scraped, from now on. */
  scrape(traffic: Traffic): void {
    this.#traffic = [...this.#traffic, traffic];
  }

  /** What this query gives from now on, whatever the traffic; null = no longer. Blanks around the text do not count. */
  script(text: string, value: MetricValue | ((nowMs: number) => MetricValue) | null): void {
    if (value === null) this.#scripts.delete(text.trim());
    else this.#scripts.set(text.trim(), value);
  }

  /** Queries that nobody has scripted and that are none of the routers'; answered with an error. */
  get unknown(): readonly string[] {
    return this.#unknown;
  }

  /** The answer of `/api/v1/query`. */
  answer(text: string): PrometheusAnswer {
    const value = this.value(text);
    if (typeof value === 'object') {
      const { error: errorType, status } = value;
      return { status, body: JSON.stringify({ status: 'error', errorType, error: 'scripted' }) };
    }
    const point = [this.#options.clock.now() / 1000, String(value)];
    const result = value === 'none' ? [] : [{ metric: {}, value: point }];
    const data = { resultType: 'vector', result };
    return { status: 200, body: JSON.stringify({ status: 'success', data }) };
  }

  value(text: string): MetricValue {
    const query = text.trim();
    const scripted = this.#scripts.get(query);
    if (typeof scripted === 'function') return scripted(this.#options.clock.monotonicMs());
    if (scripted !== undefined) return scripted;
    const builtin = this.#builtin(query);
    if (builtin !== null) return this.#evaluate(builtin);
    if (this.#unknown.length < UNKNOWN_MAX) this.#unknown.push(query);
    return { error: 'bad_data', status: 400 };
  }

  #builtin(query: string): BuiltinQuery | null {
    const known = this.#known.get(query);
    if (known !== undefined) return known;
    const read = readBuiltin(query);
    this.#known.set(query, read);
    return read;
  }

  #evaluate(query: BuiltinQuery): MetricValue {
    const found = this.#increases(query);
    if (found === null) return 'none';
    const sum = (of: (each: Increase) => number): number =>
      found.reduce((total, each) => total + of(each), 0);
    const requests = sum((each) => each.requests);
    if (requests <= 0) return Number.NaN;
    switch (query.ask) {
      case 'success-rate':
        return 100 * Math.max(0, 1 - sum((each) => each.failed) / requests);
      case 'mean':
        return sum((each) => each.latencyMs) / requests;
      case 'quantile':
        return quantileOf(found, query.quantile * requests);
    }
  }

  /** Null where no series has two samples in the window, without which there is no rate. */
  #increases({ family, matchers, rangeMs }: Selection): readonly Increase[] | null {
    const { clock, scrapeMs = 5000, lagMs = 0 } = this.#options;
    const nowMs = clock.monotonicMs();
    const chosen = this.#traffic
      .flatMap((traffic) => [...traffic.series])
      .filter((series) => {
        const labels = family === 'app' ? appLabels(series) : nginxLabels(series);
        return labels !== null && matchers.every((matches) => matches(labels));
      });
    // Counters of the Ingress controller are one for all pods, and outlive them.
    const together = Math.min(...chosen.map(({ bornMs }) => bornMs));
    const found = chosen.flatMap((series) => {
      const bornMs = family === 'app' ? series.bornMs : together;
      const endMs = family === 'app' ? (series.goneMs ?? Infinity) : Infinity;
      const first = after(Math.max(nowMs - rangeMs, bornMs), scrapeMs);
      const last = Math.floor(Math.min(nowMs - lagMs, endMs) / scrapeMs) * scrapeMs;
      return last > first ? [series.window(first, last)] : [];
    });
    return found.length === 0 ? null : found;
  }
}

/** The first scrape later than this: a window leaves its start out, and a counter is there once it was counted up. */
function after(ms: number, scrapeMs: number): number {
  return (Math.floor(ms / scrapeMs) + 1) * scrapeMs;
}

function appLabels({ namespace, flow }: Series): Labels | null {
  return flow.pod === '' ? null : { namespace, pod: flow.pod };
}

/** `canary` names the alternative upstream, and is empty for requests to the main one. */
function nginxLabels({ namespace, flow }: Series): Labels | null {
  if (flow.by !== 'ingress') return null;
  const { route, service, port, canary } = flow;
  const upstream = canary ? `${namespace}-${service}-${port ?? ''}` : '';
  return { namespace, ingress: route, service, canary: upstream };
}

/** As if each pod answered all of its requests in its mean time; the model has no finer truth. */
function quantileOf(found: readonly Increase[], rank: number): number {
  const sorted = found
    .filter(({ requests }) => requests > 0)
    .map(({ requests, latencyMs }) => ({ requests, meanMs: latencyMs / requests }))
    .sort((a, b) => a.meanMs - b.meanMs);
  let below = 0;
  for (const { requests, meanMs } of sorted) {
    below += requests;
    // Sums of fractions miss the rank by a hair.
    if (below >= rank * (1 - 1e-9)) return meanMs;
  }
  return Number.NaN;
}

const APP = 'http_request_duration_seconds';
const NGINX = 'nginx_ingress_controller_';
const MATCHERS = '\\{((?:[^{}"]|"(?:[^"\\\\]|\\\\.)*")*)\\}';
const RANGE = '\\[(\\d+)(ms|s|m|h)\\]';
const SUCCESS_RATE = new RegExp(
  `^100 \\*\\s*\\(sum\\(rate\\((\\w+)${MATCHERS}${RANGE}\\)\\) or vector\\(0\\)\\)\\s*/\\s*sum\\(rate\\((\\w+)${MATCHERS}${RANGE}\\)\\)$`,
);
const QUANTILE = new RegExp(
  `^1000 \\* histogram_quantile\\((0\\.\\d+),\\s*sum by \\(le\\) \\(rate\\((\\w+)_bucket${MATCHERS}${RANGE}\\)\\)\\)$`,
);
const MEAN = new RegExp(
  `^1000 \\*\\s*sum\\(rate\\((\\w+)_sum${MATCHERS}${RANGE}\\)\\)\\s*/\\s*sum\\(rate\\((\\w+)_count${MATCHERS}${RANGE}\\)\\)$`,
);
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** The queries of builtin-queries.ts by their shape; null for any other. */
function readBuiltin(query: string): BuiltinQuery | null {
  const rate = SUCCESS_RATE.exec(query);
  if (rate !== null) {
    const [, good = '', goodMatchers = '', , , all = '', matchers = '', count = '', unit = ''] =
      rate;
    if (good !== all || goodMatchers !== `${matchers},status!~"5.*"`) return null;
    const found = selection(all, matchers, `${count}${unit}`);
    return found === null ? null : { ask: 'success-rate', ...found };
  }
  const quantile = QUANTILE.exec(query);
  if (quantile !== null) {
    const [, part = '', series = '', matchers = '', count = '', unit = ''] = quantile;
    const found = selection(`${series}_count`, matchers, `${count}${unit}`);
    return found === null ? null : { ask: 'quantile', quantile: Number(part), ...found };
  }
  const mean = MEAN.exec(query);
  if (mean === null) return null;
  const [, sum = '', matchers = '', count = '', unit = '', counted, others] = mean;
  if (sum !== counted || matchers !== others) return null;
  const found = selection(`${sum}_count`, matchers, `${count}${unit}`);
  return found === null ? null : { ask: 'mean', ...found };
}

function selection(series: string, text: string, range: string): Selection | null {
  const family = series === `${APP}_count` ? 'app' : series.startsWith(NGINX) ? 'nginx' : null;
  const [, count = '', unit = ''] = /^(\d+)(\w+)$/.exec(range) ?? [];
  const matchers = readMatchers(text);
  if (family === null || matchers === null) return null;
  return { family, matchers, rangeMs: Number(count) * (UNITS_MS[unit] ?? 0) };
}

function readMatchers(text: string): Selection['matchers'] | null {
  const matchers: ((labels: Labels) => boolean)[] = [];
  const one = /(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"(?:,|$)/y;
  while (one.lastIndex < text.length) {
    const found = one.exec(text);
    if (found === null) return null;
    const [, label = '', operator = '', quoted = ''] = found;
    const value = quoted.replaceAll(/\\(.)/g, '$1');
    const pattern = operator.endsWith('~') ? new RegExp(`^(?:${value})$`) : null;
    const wanted = operator.startsWith('=');
    matchers.push((labels) => {
      const held = labels[label] ?? '';
      return (pattern === null ? held === value : pattern.test(held)) === wanted;
    });
  }
  return matchers;
}
