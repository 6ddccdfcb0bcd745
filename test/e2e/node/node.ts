// What a journey on the real node starts from (run.sh starts it): the API server, traffic through Envoy, Prometheus.
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe } from 'vitest';
import { Api } from '../cluster/api.ts';
import { endWithUs } from './children.ts';

/** As `describe`; skipped where no node runs. */
export const describeNode = describe.skipIf(process.env['SERIN_NODE'] === undefined);

/** The image of the test server; its environment is described in testserver/serve.go. Pull policy: Never. */
export const TEST_SERVER = 'serin.test/testserver:1';
/** Envoy's listener: HTTPProxies and HTTPRoutes are told apart by the Host header. */
export const ENVOY = 'http://127.0.0.1:8080/';
export const PROMETHEUS = 'http://127.0.0.1:9090';

/** The folder of the node. */
export function nodeDir(): string {
  const dir = process.env['SERIN_NODE'];
  if (dir === undefined) throw new Error('there is no node: is this test inside of describeNode?');
  return dir;
}

/** The folder of the programs that the node was made of. */
export function components(): string {
  const build = join(import.meta.dirname, '../../../tools/components/build.sh');
  return execFileSync('bash', [build, 'dir'], { encoding: 'utf8' }).trim();
}

export function kubeconfigOfNode(): string {
  return join(nodeDir(), 'kubeconfig');
}

/** The caller closes it. `operator` has no rights until it is given some. */
export function apiOfNode(user: 'admin' | 'operator' = 'admin'): Api {
  const ca = readFileSync(join(nodeDir(), 'certs/ca.crt'), 'utf8');
  return new Api({ server: 'https://127.0.0.1:22443', ca, token: `${user}-token` });
}

export interface LoadOptions {
  readonly url?: string;
  readonly host?: string;
  /** Requests at most; default: no limit. */
  readonly requests?: number;
  /** Default 60 s. */
  readonly limitMs?: number;
  /** Requests a second; default: as fast as it goes. */
  readonly rate?: number;
  /** Default 8. */
  readonly concurrency?: number;
  /** Each `name: value`. */
  readonly headers?: readonly string[];
  /** A new connection for each request. */
  readonly fresh?: boolean;
  /** Length of a span; default: no spans. */
  readonly everyMs?: number;
}

/** Requests that began in one span of time. */
export interface Span {
  /** Since 1970. */
  readonly atMs: number;
  readonly answers: LoadSummary['answers'];
  /** Requests without an answer or with a status from 500. */
  readonly failed: number;
}

export interface LoadSummary {
  readonly requests: number;
  readonly seconds: number;
  /** By version (`no` and the like: an error page's first word) and status. */
  readonly answers: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Requests without an answer, by what happened. */
  readonly failures: Readonly<Record<string, number>>;
  readonly latencyMs: Readonly<Partial<Record<'p50' | 'p90' | 'p99' | 'max', number>>>;
  /** First to last, where `everyMs` was given. */
  readonly spans?: readonly Span[];
}

export interface Load {
  /** Ends the load; the summary comes at once. */
  stop(): void;
  readonly summary: Promise<LoadSummary>;
}

export function startLoad(options: LoadOptions): Load {
  const { requests, rate, host, headers = [], concurrency = 8, limitMs = 60_000 } = options;
  const program = join(components(), 'bin/testserver');
  const args = [
    'load',
    `-t=${limitMs}ms`,
    `-c=${concurrency}`,
    ...(requests === undefined ? [] : [`-n=${requests}`]),
    ...(rate === undefined ? [] : [`-rate=${rate}`]),
    ...(host === undefined ? [] : [`-host=${host}`]),
    ...(options.fresh === true ? ['-fresh'] : []),
    ...(options.everyMs === undefined ? [] : [`-every=${options.everyMs}ms`]),
    ...headers.map((header) => `-header=${header}`),
    options.url ?? ENVOY,
  ];
  const running = promisify(execFile)(program, args, { maxBuffer: 64 << 20 });
  endWithUs(running.child);
  return {
    stop: () => void running.child.kill('SIGTERM'),
    summary: running.then(({ stdout }) => JSON.parse(stdout) as LoadSummary),
  };
}

export function load(options: LoadOptions): Promise<LoadSummary> {
  return startLoad(options).summary;
}

/** The first sample of an instant query; null where there is none. */
export async function prometheusValue(query: string): Promise<number | null> {
  const response = await fetch(`${PROMETHEUS}/api/v1/query?query=${encodeURIComponent(query)}`);
  const answer = (await response.json()) as {
    readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
  };
  const text = answer.data?.result[0]?.value[1];
  return text === undefined ? null : Number(text);
}
