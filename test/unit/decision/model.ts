// A model cluster for the decision core alone: worlds out of its state, decisions into it, effects that take time.
import { boundStatus } from '../../../src/api/bound-status.ts';
import {
  type CanarySpec,
  type CanaryStatus,
  type Intent,
  type IntentVerb,
  type Problem,
  type Revision,
} from '../../../src/api/canary.ts';
import { EMPTY_STATUS, parseStatus, renderStatus } from '../../../src/api/status.ts';
import { asInstant, type Instant } from '../../../src/clock/clock.ts';
import { check } from '../../../src/decision/check.ts';
import { decide } from '../../../src/decision/decide.ts';
import type { Ask, Decision } from '../../../src/decision/decision.ts';
import type { Answer, World } from '../../../src/decision/world.ts';
import { apply } from './model-apply.ts';
import { look, lookAtRoute } from './model-look.ts';
import { type Template, Workload } from './model-workload.ts';
import { intent, revision, START } from './worlds.ts';

export interface Nature {
  readonly canWeight: boolean;
  readonly replicas: number;
  readonly scaler: boolean;
  /** Pods that the whole load needs; the autoscalers follow it `scalerLagMs` late. Null = they only keep to their bounds. */
  readonly load: number | null;
  readonly scalerLagMs: number;
  /** Milliseconds until a started pod is ready, a written route in force, an asked question answered. */
  readonly readyMs: number;
  readonly routeMs: number;
  readonly answerMs: number;
  /** Versions whose pods never become ready. */
  readonly broken: ReadonlySet<number>;
  /** From which step on a version's metrics are bad; absent = never. */
  readonly badFrom: ReadonlyMap<number, number>;
  /** From which step on the metrics of a version have no data. */
  readonly silentFrom: ReadonlyMap<number, number>;
}

export const NATURE: Nature = {
  canWeight: true,
  replicas: 2,
  scaler: false,
  load: null,
  scalerLagMs: 30_000,
  readyMs: 3_000,
  routeMs: 2_000,
  answerMs: 1_000,
  broken: new Set(),
  badFrom: new Map(),
  silentFrom: new Map(),
};

interface Route {
  kind: 'split' | 'apex';
  weight: number;
  revision: string;
  step: number;
  intact: boolean;
  writtenAt: Instant;
}

/** Thrown in the middle of a run: the operator died. */
class Died extends Error {}

const SETTLE_MS = 4_000;
const UNSEEN_MS = 5_000;
const ROUNDS_MAX = 12;
const STILL_SECONDS = 15;

export class Model {
  readonly nature: Nature;
  now: Instant = START;
  spec: CanarySpec;
  status: CanaryStatus = EMPTY_STATUS;
  generation = 1;
  exists = true;
  deleting = false;
  finalizers: readonly string[] = [];
  intents: readonly Intent[] = [];
  target: Workload | null;
  primary: Workload | null = null;
  /** Whether the primary is ours still; false once it was left behind. */
  owned = true;
  services = false;
  apex: { selects: 'primary' | 'target'; version: number; since: Instant | null };
  apexInForce: 'primary' | 'target' = 'target';
  route: Route | null = null;
  routeInForce: { readonly kind: 'split' | 'apex'; readonly weight: number } | null = null;
  confirmedAt: Instant | null = null;
  routeRefused = false;
  problems: readonly Problem[] = [];
  floor: number | null = null;
  config = 1;
  copied = 0;
  records = 0;
  acts = 0;
  last: Decision | null = null;
  /** What the operator remembers, and loses when it dies. */
  answers = new Map<string, Answer>();
  /** When the next answers come; absent = the question is not under way. */
  #asked = new Map<string, { readonly ask: Ask; readonly at: number }>();
  #shares: readonly { readonly at: number; readonly share: number }[] = [];
  #wakeAt: number | null = START;
  #face = '';
  #still = 0;
  /** Called before every decision's effects, with the world that it rests on. */
  watch: (world: World, decision: Decision) => void = () => undefined;
  /** Called after each second in which something could happen. */
  each: () => void = () => undefined;
  /** What all gates say; rollback hooks never ask for one. */
  gatesOpen = true;

  constructor(spec: CanarySpec, nature: Partial<Nature> = {}) {
    this.nature = { ...NATURE, ...nature };
    this.spec = spec;
    const template = { version: 1, defaults: 0, stamp: '' };
    this.target = new Workload(template, this.nature.replicas, this.nature).settle(this.now);
    this.apex = { selects: 'target', version: 1, since: null };
  }

  revisionOf({ version, defaults }: Template): Revision {
    return revision(version + 16 * defaults + 64 * (this.config - 1));
  }

  targetRevision(): Revision | '' {
    return this.target === null ? '' : this.revisionOf(this.target.template);
  }

  /** Lets `seconds` pass. `deaths`: after how many writes of each run the operator dies; none left = it lives. */
  pass(seconds: number, deaths: number[] = []): void {
    const end = this.now + seconds * 1_000;
    while (this.now < end && this.exists) {
      this.now = asInstant(this.now + 1_000);
      this.#effects();
      const face = this.#facts();
      const moved = face !== this.#face;
      const due = this.#wakeAt !== null && this.now >= this.#wakeAt;
      if (moved || due) this.run(deaths);
      this.#face = moved || due ? this.#facts() : face;
      this.#still = moved || due ? 0 : this.#still + 1;
      if (this.exists) this.each();
      this.#skip(end);
    }
  }

  /** Where nothing has moved for longer than anything takes, nothing will before the operator wakes. */
  #skip(end: number): void {
    if (this.#still < STILL_SECONDS || this.#asked.size > 0) return;
    const next = Math.min(end, (this.#wakeAt ?? end) - 1_000);
    if (next > this.now) this.now = asInstant(next);
  }

  /** The operator is away for `seconds`, and comes back without what it remembered. */
  away(seconds: number): void {
    for (let second = 0; second < seconds; second += 1) {
      this.now = asInstant(this.now + 1_000);
      this.#effects();
    }
    this.#forget();
    // When a route came into force is remembered, when it was written stands on it.
    if (this.confirmedAt !== null && this.route !== null) this.confirmedAt = this.route.writtenAt;
  }

  #forget(): void {
    this.answers = new Map();
    this.#asked = new Map();
    this.#wakeAt = this.now + 1;
  }

  /** One run of the reconciler; dies after `deaths.shift()` writes. */
  run(deaths: number[] = []): void {
    let budget = deaths.shift() ?? Number.POSITIVE_INFINITY;
    const spend = (): void => {
      if (budget <= 0) throw new Died();
      budget -= 1;
    };
    try {
      this.#reconcile(spend);
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      this.#forget();
    }
  }

  say(verb: IntentVerb, of: string = this.status.lastAppliedSpec): void {
    if (of === '') return;
    this.intents = [...this.intents.filter((said) => said.verb !== verb), intent(verb, of)];
  }

  setSpec(spec: CanarySpec): void {
    this.spec = spec;
    this.generation += 1;
  }

  setVersion(version: number): void {
    if (this.target === null || this.target.template.version === version) return;
    this.target.write({ template: { ...this.target.template, version } });
  }

  delete(): void {
    if (this.finalizers.length === 0) this.exists = false;
    else if (!this.deleting) {
      this.deleting = true;
      this.generation += 1;
    }
  }

  #reconcile(spend: () => void): void {
    for (let round = 0; round < ROUNDS_MAX && this.exists; round += 1) {
      const world = look(this);
      const decision = decide(world);
      this.last = decision;
      const [violation] = check(world, decision);
      if (violation !== undefined) {
        const { invariant, message } = violation;
        throw new Error(`${this.status.phase}: ${decision.why} breaks ${invariant}: ${message}`);
      }
      this.watch(world, decision);
      if (decision.kind === 'rest') {
        this.#wakeAt = decision.wakeAt;
        this.#ask(decision.asks);
        return;
      }
      if (decision.kind === 'act') {
        for (const write of decision.writes) {
          spend();
          this.acts += 1;
          apply(this, write);
        }
        this.#wakeAt = this.now + UNSEEN_MS;
        return;
      }
      spend();
      this.records += 1;
      this.status = parseStatus(
        JSON.parse(JSON.stringify(renderStatus(boundStatus(decision.status)))),
      );
    }
    if (this.exists) throw new Error(`decisions did not settle: ${this.last?.why}`);
  }

  #facts(): string {
    const { target, primary, now } = this;
    return JSON.stringify([
      this.spec,
      this.generation,
      this.deleting,
      this.finalizers,
      this.intents,
      this.problems,
      target?.face(now),
      primary?.face(now),
      [this.services, this.apex, this.floor, this.config, this.copied],
      lookAtRoute(this),
      [...this.answers.keys()],
    ]);
  }

  /** What happens by itself: controllers, data planes, answers. */
  #effects(): void {
    const { now, nature, primary, route } = this;
    this.target?.tick(now);
    primary?.tick(now);
    if (nature.scaler) this.#scale();
    const { since, selects } = this.apex;
    if (since === null || now >= since + SETTLE_MS) this.apexInForce = selects;
    const due = route !== null && now >= route.writtenAt + nature.routeMs;
    if (due && this.confirmedAt === null && !this.routeRefused) {
      this.confirmedAt = now;
      this.routeInForce = { kind: route.kind, weight: route.weight };
    }
    for (const [key, { ask, at }] of this.#asked) {
      if (now < at) continue;
      this.#asked.delete(key);
      this.answers.delete(key);
      this.answers.set(key, this.#answer(ask));
    }
  }

  /** Both autoscalers, at their most eager: each follows its share of the load as it was a while ago, up and down. */
  #scale(): void {
    const { now, nature, primary, target, routeInForce } = this;
    const share = routeInForce?.kind === 'split' ? routeInForce.weight : 0;
    this.#shares = [...this.#shares, { at: now, share }].filter(
      ({ at }, index, all) => index === all.length - 1 || at > now - nature.scalerLagMs - 1_000,
    );
    const seen = this.#shares[0]?.share ?? 0;
    const pods = (percent: number): number => Math.ceil(((nature.load ?? 0) * percent) / 100);
    if (this.floor !== null && primary !== null && this.owned) {
      const least = Math.max(2, this.floor);
      primary.write({ replicas: Math.min(6, Math.max(least, pods(100 - seen))) });
    }
    if (nature.load !== null && target !== null && target.replicas > 0 && this.floor !== null)
      target.write({ replicas: Math.min(6, Math.max(2, pods(seen))) });
  }

  #ask(asks: readonly Ask[]): void {
    const wanted = new Map(asks.map((ask) => [ask.key, ask]));
    for (const key of this.#asked.keys()) if (!wanted.has(key)) this.#asked.delete(key);
    for (const [key, ask] of wanted) {
      if (this.#asked.has(key)) continue;
      const known = this.answers.get(key);
      const newerThan = ask.kind === 'hook' ? ask.newerThan : null;
      if (known !== undefined && (newerThan === null || known.at >= newerThan)) continue;
      this.#asked.set(key, { ask, at: this.now + this.nature.answerMs });
    }
  }

  #answer(ask: Ask): Answer {
    const { now, nature } = this;
    if (ask.kind === 'hook') {
      const ok = this.gatesOpen && ask.hook.type !== 'rollback';
      return { kind: 'hook', ok, heard: true, message: `${ok}`, at: now };
    }
    const version = this.target?.template.version ?? 0;
    const step = this.status.rollout?.step ?? 0;
    if (step >= (nature.silentFrom.get(version) ?? Number.POSITIVE_INFINITY)) {
      const sample = { kind: 'none', reason: 'NoData', message: 'no data' } as const;
      return { kind: 'sample', sample, at: now };
    }
    const bad = step >= (nature.badFrom.get(version) ?? Number.POSITIVE_INFINITY);
    return { kind: 'sample', sample: { kind: 'number', value: bad ? 50 : 100 }, at: now };
  }

  writeRoute(route: Omit<Route, 'writtenAt' | 'intact'>): void {
    this.route = { ...route, intact: true, writtenAt: this.now };
    this.confirmedAt = null;
  }

  /** Another writer changes the route under us. */
  meddle(weight: number): void {
    if (this.route?.kind !== 'split') return;
    this.writeRoute({ ...this.route, weight });
    this.route.intact = false;
  }

  dropRoute(): void {
    this.route = null;
    this.confirmedAt = null;
    this.routeInForce = null;
  }
}
