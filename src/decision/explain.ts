// Where a Canary is, why, and what comes next: for people, in lines. Says nothing that is not in the world.
import { formatDuration } from '../api/duration.ts';
import type { CanaryStatus, HookType, Measurement } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';
import { parseTime, rfc3339 } from '../clock/time-format.ts';
import { inWords } from './conditions.ts';
import type { Decision, Write } from './decision.ts';
import { short } from './record.ts';
import { stepsLeft } from './steps.ts';
import type { World } from './world.ts';

/** The whole story of a Canary, one fact a line, the most important first. `decision` is what `decide` says of `world`. */
export function explain(world: World, decision: Decision): readonly string[] {
  return [
    place(world),
    ...troubles(world),
    ...revisions(world),
    ...traffic(world),
    next(world, decision),
    ...gates(world, decision),
    ...checks(world),
    ...ways(world),
    ...past(world),
  ];
}

/** What the decision would do to the cluster, in plain words, one write a line. */
export function planned(decision: Decision): readonly string[] {
  const asks = decision.asks.map((ask) =>
    ask.kind === 'metric'
      ? `ask for metric ${ask.metric.name}`
      : `call webhook ${ask.hook.name} (${ask.hook.type})`,
  );
  switch (decision.kind) {
    case 'rest':
      return [`nothing to write: ${decision.why}`, ...asks];
    case 'record':
      return [
        `store in the status: ${decision.why}`,
        ...decision.tells.map((told) => `tell (${told.reason}): ${told.message}`),
        ...asks,
      ];
    case 'act':
      return [`write: ${decision.why}`, ...decision.writes.map(inPlainWords), ...asks];
  }
}

function place({ now, canary }: World): string {
  const { namespace, name, status } = canary;
  const since = parseTime(status.lastTransitionTime);
  const when = since === null ? '' : ` since ${rfc3339(since)} (${span(now - since)})`;
  const phase = status.phase === '' ? 'not initialized' : status.phase;
  return `Canary ${namespace}/${name} is ${phase}${when}`;
}

function troubles({ canary, problems, warnings }: World): string[] {
  const paused = canary.status.rollout?.paused ?? null;
  return [
    ...(canary.deleting ? ['It is being deleted'] : []),
    ...(canary.spec.suspend ? ['It is suspended: spec.suspend is true'] : []),
    ...(problems.length === 0 ? [] : [`The spec cannot be obeyed: ${inWords(problems)}`]),
    ...(warnings.length === 0 ? [] : [`Without effect: ${inWords(warnings)}`]),
    ...(paused === null ? [] : [`It stands still: ${paused}`]),
  ];
}

function revisions({ canary, target, primary }: World): string[] {
  const { lastAppliedSpec, lastPromotedSpec } = canary.status;
  const { name } = canary.spec.targetRef;
  const serving = lastPromotedSpec === '' ? 'none yet' : short(lastPromotedSpec);
  const lines = [`Promoted revision: ${serving}`];
  if (lastAppliedSpec !== lastPromotedSpec && lastAppliedSpec !== '') {
    const judged =
      canary.status.phase === 'Failed' ? 'Failed revision' : 'Revision under judgement';
    lines.push(`${judged}: ${short(lastAppliedSpec)}`);
  }
  if (target === null) lines.push(`The target ${name} does not exist`);
  else {
    const { ready, replicas } = target.pods;
    const revision = short(target.revision);
    lines.push(`Target ${name} holds ${revision}, ${ready} of ${replicas} pods ready`);
  }
  if (primary === null) lines.push('There is no primary');
  else {
    const { ready, replicas } = primary.pods;
    const trouble = primary.trouble === '' ? '' : ` (${primary.trouble})`;
    lines.push(
      `Primary holds ${short(primary.revision)}, ${ready} of ${replicas} pods ready${trouble}`,
    );
  }
  return lines;
}

function traffic(world: World): string[] {
  const { canary, route, services, now } = world;
  const { rollout, canaryWeight, iterations } = canary.status;
  const { strategy } = canary.spec.analysis;
  const lines: string[] = [];
  if (rollout !== null && rollout.step > 0) {
    const plan =
      strategy.kind === 'weighted'
        ? `, weight ${canaryWeight} of ${strategy.weights.join(', ')}`
        : `, iteration ${iterations} of ${strategy.iterations}`;
    lines.push(`Step ${rollout.step}${plan}, for ${span(now - rollout.stepSince)}`);
  }
  if (route.canWeight && route.state === 'split') {
    const state =
      route.confirmed.kind === 'yes'
        ? `in force for ${span(now - route.confirmed.since)}`
        : `${route.confirmed.kind}: ${route.confirmed.why}`;
    lines.push(`Route: ${100 - route.weight} % primary, ${route.weight} % canary; ${state}`);
  }
  lines.push(`Service ${canary.spec.service.name} selects ${services.apexSelects}`);
  return lines;
}

function next(world: World, decision: Decision): string {
  switch (decision.kind) {
    case 'record':
      return `Next, now: ${decision.why}`;
    case 'act':
      return `Next, now: ${decision.why} (${decision.writes.map(inPlainWords).join('; ')})`;
    case 'rest': {
      if (decision.wakeAt === null) return `At rest: ${decision.why}`;
      const when = `${rfc3339(decision.wakeAt)} (in ${span(decision.wakeAt - world.now)})`;
      return `At rest until ${when} or a change: ${decision.why}`;
    }
  }
}

/** The gates that the rollout stands before, and the command that opens them. */
function gates(world: World, decision: Decision): string[] {
  const { canary, target } = world;
  const { status, namespace, name } = canary;
  const asked = decision.asks.flatMap((ask) => (ask.kind === 'hook' ? [ask.hook.type] : []));
  const types = gatesBefore(world, status).filter(
    (type) => status.phase !== 'Progressing' || asked.includes(type) || standsAt(status),
  );
  const hooks = canary.spec.analysis.webhooks.filter((hook) => types.includes(hook.type));
  if (hooks.length === 0) return [];
  const revision = status.phase === 'Waiting' ? target?.revision : status.lastAppliedSpec;
  const names = hooks.map((hook) => `${hook.name} (${hook.type})`).join(', ');
  return [
    `Gates ahead: ${names}`,
    `Approve revision ${short(revision ?? '')}: serin approve ${name} -n ${namespace}`,
  ];
}

function gatesBefore(world: World, status: CanaryStatus): readonly HookType[] {
  switch (status.phase) {
    case 'Waiting':
      return ['confirm-rollout'];
    case 'WaitingPromotion':
      return ['confirm-promotion'];
    case 'Progressing':
      return [stepsLeft(world) ? 'confirm-traffic-increase' : 'confirm-promotion'];
    default:
      return [];
  }
}

/** The step has been checked, nothing speaks against it, and still it is not left. */
function standsAt(status: CanaryStatus): boolean {
  const checked = (status.rollout?.checks ?? 0) > 0;
  return checked && status.measurements.every((measurement) => measurement.verdict === 'pass');
}

function checks({ canary, now }: World): string[] {
  const { status, spec } = canary;
  const { failedChecks, measurements, rollout } = status;
  const lines = measurements.map((measurement) => measured(measurement, now));
  if (rollout !== null || failedChecks > 0)
    lines.push(`Failed checks: ${failedChecks} of ${spec.analysis.threshold}`);
  const unknownSince = rollout?.unknownSince ?? null;
  if (unknownSince !== null) {
    const { limitMs, then } = spec.analysis.unknown;
    const left = Math.max(0, unknownSince + limitMs - now);
    lines.push(`No verdict for ${span(now - unknownSince)}; in ${span(left)}: ${then}`);
  }
  return lines;
}

function measured({ name, verdict, message, at }: Measurement, now: Instant): string {
  return `Last check of ${name}: ${verdict}, ${span(now - at)} ago: ${message}`;
}

/** What a person can do about it. */
function ways({ canary }: World): string[] {
  const { status, namespace, name } = canary;
  const paused = (status.rollout?.paused ?? null) !== null;
  if (paused && ['Progressing', 'WaitingPromotion'].includes(status.phase))
    return [`Go on: serin resume ${name} -n ${namespace}`];
  if (status.phase === 'Failed') return [`Try it again: serin retry ${name} -n ${namespace}`];
  return [];
}

function past({ canary, now }: World): string[] {
  const { lastFailure, history, intents } = canary.status;
  const failure =
    lastFailure === null
      ? []
      : [
          `Last failure: revision ${short(lastFailure.revision)}, ${span(now - lastFailure.at)} ago, ${lastFailure.reason}: ${lastFailure.message}`,
        ];
  const ended = history
    .filter((entry) => entry.outcome !== 'current')
    .map((entry) => {
      const when = entry.endedAt === null ? '' : ` ${span(now - entry.endedAt)} ago`;
      const why = entry.reason === '' ? '' : `: ${entry.reason}`;
      return `Revision ${short(entry.revision)} ${entry.outcome}${when}${why}`;
    });
  const asked = intents.map(({ verb, value, manager, at }) => {
    const who = manager === '' ? '' : ` by ${manager}`;
    return `Asked ${span(now - at)} ago${who}: ${verb} ${value.slice(0, 16)}`;
  });
  return [...failure, ...ended.slice(0, 3), ...asked.slice(0, 3)];
}

/** To the second: nobody reads the milliseconds of an hour. */
function span(ms: number): string {
  return formatDuration(Math.max(0, Math.round(ms / 1000)) * 1000);
}

function inPlainWords(write: Write): string {
  switch (write.kind) {
    case 'finalizer':
      return write.present
        ? 'add finalizer serin.dev/restore to the Canary'
        : 'remove finalizer serin.dev/restore from the Canary';
    case 'copyConfigs':
      return "copy the target's ConfigMaps and Secrets for the primary";
    case 'createPrimary':
      return `create the primary with ${write.replicas} replicas`;
    case 'adoptPrimary':
      return 'take over the primary that is there';
    case 'promote':
      return `write revision ${short(write.revision)} into the primary`;
    case 'scalePrimary':
      return `scale the primary to ${write.replicas}`;
    case 'scaleTarget':
      return `scale the target to ${write.replicas}`;
    case 'scaler':
      return write.floor === null
        ? "write the primary's autoscaler"
        : `write the primary's autoscaler with at least ${write.floor} replicas`;
    case 'services':
      return 'write the primary and canary Services';
    case 'apex':
      return `let the apex Service select the ${write.selects}`;
    case 'route':
      return `route ${write.weight} % of the traffic to the canary, the rest to the primary`;
    case 'routeToApex':
      return 'route all traffic to the apex Service';
    case 'stampTarget':
      return "restart the target's pods with the changed configs";
    case 'restoreTarget':
      return 'put the promoted template back into the target';
    case 'orphan':
      return 'leave primary, Services and route in place, without an owner';
    case 'removePrimary':
      return 'delete the primary, its autoscaler, copies and Services';
    case 'clearIntent':
      return `remove annotation serin.dev/${write.verb} from the Canary`;
  }
}
