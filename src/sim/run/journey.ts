// One reference journey on a fresh model cluster, with a plan of faults: what came of it is a pure function of both.
import type { Phase } from '../../api/canary.ts';
import { Checker, type Violation } from '../check/checker.ts';
import type { KindRegistry } from '../store/kinds.ts';
import { CALM } from '../world/nature.ts';
import { ClusterTruth } from './cluster-truth.ts';
import { type Fault, Faults } from './faults.ts';
import { ModelCluster } from './model-cluster.ts';
import { Replica } from './replica.ts';
import { APP, imageOf, openShop, release, SHOP, type ShopOptions, statusOf } from './shop.ts';
import { arm, type Outage, type Pace } from './swarm.ts';
import { watchWrites } from './watch-writes.ts';

export interface Journey {
  readonly name: string;
  readonly shop?: ShopOptions;
  /** Of the version that is released, web:2. */
  readonly errorRate: number;
  readonly ends: Phase;
}

export interface JourneyOptions {
  readonly kinds: KindRegistry;
  readonly seed: number;
  readonly plan?: readonly Fault[];
  /** From the release on. */
  readonly outages?: readonly Outage[];
  readonly pace?: Pace;
}

export interface JourneyEnd {
  readonly phase: Phase;
  /** What the primary runs at the end. */
  readonly primary: string;
  readonly failedChecks: number;
  /** Of the release alone. */
  readonly failedRequests: number;
  /** Requests that met no pod, from the first version on. */
  readonly lostRequests: number;
  readonly tookMs: number;
  /** By the operator, Events included. */
  readonly writes: number;
  /** Writes before the release. */
  readonly writesBefore: number;
  readonly struck: readonly Fault[];
  readonly violations: readonly Violation[];
  /** How often each invariant had something to hold. */
  readonly antecedents: ReadonlyMap<string, number>;
}

export const JOURNEYS: readonly Journey[] = [
  { name: 'weighted, promoted', errorRate: 0, ends: 'Succeeded' },
  { name: 'weighted, failed by a metric', errorRate: 0.3, ends: 'Failed' },
  {
    name: 'blue/green, promoted',
    errorRate: 0,
    ends: 'Succeeded',
    shop: { analysis: { stepWeight: undefined, maxWeight: undefined, iterations: 2, metrics: [] } },
  },
];

const RELEASED = 'web:2';
const LATENCY_MS = 10;
const OVER: readonly Phase[] = ['Succeeded', 'Failed'];
/**
 * What failed unseen, while Prometheus was away, is judged once it is back: a query that hangs until its deadline of 10 s,
 * three checks of 10 s, a moment for the route, and what its proxies need.
 */
const ROLLBACK_MS = 45_000;
/** A dead operator is started again by its Deployment. */
const RESTART_MS = 5_000;
const FIRST_LIMIT_MS = 300_000;
const LIMIT_MS = 900_000;
const CALM_MS = 20_000;
/** After the end: what is drained later must be over, too. */
const AFTERMATH_MS = 120_000;

export async function walk(journey: Journey, options: JourneyOptions): Promise<JourneyEnd> {
  const { kinds, seed, pace = { routeMs: 50, podReadyMs: CALM.podReadyMs } } = options;
  const nature = { ...CALM, podReadyMs: pace.podReadyMs };
  const cluster = new ModelCluster({ kinds, seed, nature, routeMs: pace.routeMs });
  const { clock } = cluster;
  const facts = new ClusterTruth({ cluster, bounds: { rollbackMs: ROLLBACK_MS + pace.routeMs } });
  const checker = new Checker(facts);
  const watched = watchWrites(cluster, checker);
  openShop(cluster, journey.shop);
  const crew: Replica[] = [];
  const faults = new Faults(options.plan ?? [], () => {
    crew.at(-1)?.kill();
    clock.newTimer(RESTART_MS, start);
  });
  function start(): void {
    crew.push(new Replica({ cluster, gate: watched.gate(faults) }));
  }
  start();
  await reached(cluster, 'Initialized', FIRST_LIMIT_MS);
  const errorRate = (image: string) => (image === RELEASED ? journey.errorRate : 0);
  const truth = (image: string) => ({ errorRate: errorRate(image), latencyMs: LATENCY_MS });
  const users = cluster.bringUsers({ namespace: SHOP, apex: APP, perSecond: 100, truth });
  facts.count(users);
  await clock.advance(CALM_MS);
  const writesBefore = faults.writes;
  const fromMs = clock.monotonicMs();
  release(cluster, RELEASED);
  facts.healedMs = fromMs + healedAfterMs(options.outages ?? []);
  arm(cluster, options.outages ?? []);
  await cluster.until(() => statusOf(cluster).phase !== 'Initialized', LIMIT_MS);
  await cluster.until(() => OVER.includes(statusOf(cluster).phase), LIMIT_MS);
  const tookMs = clock.since(fromMs);
  await clock.advance(AFTERMATH_MS);
  crew.at(-1)?.kill();
  cluster.controllers.stop();
  watched.finish();
  const { phase, failedChecks } = statusOf(cluster);
  return {
    phase,
    primary: imageOf(cluster, `${APP}-primary`),
    failedChecks,
    failedRequests: users.total(fromMs, clock.monotonicMs()).failed,
    lostRequests: users.lost(fromMs, clock.monotonicMs()),
    tookMs,
    writes: faults.writes,
    writesBefore,
    struck: faults.struck,
    violations: checker.violations,
    antecedents: checker.antecedents,
  };
}

/** Deaths and refusals strike single writes and are over with them; outages last. */
function healedAfterMs(outages: readonly Outage[]): number {
  return Math.max(0, ...outages.map(({ atMs, forMs }) => atMs + forMs));
}

async function reached(cluster: ModelCluster, phase: Phase, limitMs: number): Promise<void> {
  if (await cluster.until(() => statusOf(cluster).phase === phase, limitMs)) return;
  throw new Error(`not ${phase} within ${limitMs} ms, but ${statusOf(cluster).phase}`);
}
