// What the operator sees of the model cluster.
import { asWeight, type Canary, type Revision } from '../../../src/api/canary.ts';
import { asInstant } from '../../../src/clock/clock.ts';
import type { RouteFacts, World } from '../../../src/decision/world.ts';
import { enough } from '../../../src/workloads/readiness.ts';
import type { Model } from './model.ts';
import type { Workload } from './model-workload.ts';
import { START } from './worlds.ts';

export function look(model: Model): World {
  const { target, primary, spec, nature, now } = model;
  const canary: Canary = {
    namespace: 'shop',
    name: 'web',
    uid: 'canary-uid',
    resourceVersion: '7',
    generation: model.generation,
    createdAt: START,
    deleting: model.deleting,
    finalizers: model.finalizers,
    annotations: {},
    spec,
    status: model.status,
    intents: model.intents,
  };
  const missing = { reason: 'TargetNotFound', path: 'spec.targetRef', message: 'no Deployment' };
  const digests = { 'configmap/web': `c${model.config}` };
  const kept = primary === null ? null : `${primary.template.version}`;
  return {
    now,
    clockSetMs: 0,
    canary,
    problems: target === null && !model.deleting ? [...model.problems, missing] : model.problems,
    warnings: [],
    target: target === null ? null : lookAtTarget(model, target),
    primary:
      primary === null
        ? null
        : {
            owner: model.owned ? 'ours' : 'left',
            revision: primary.revision as Revision | '',
            pods: primary.counts(now),
            readiness: enough(primary.counts(now), spec.analysis.primaryReadyThreshold),
            trouble: '',
            sameTemplate: kept === `${target?.template.version}`,
          },
    services: {
      primary: model.services ? 'right' : 'absent',
      canary: model.services ? 'right' : 'absent',
      apex: model.apex.selects === 'primary' ? 'right' : 'wrong',
      apexSelects: model.apex.selects,
      apexVersion: String(model.apex.version),
      apexSince: model.apex.since,
      apexWriter: 'somebody',
    },
    route: lookAtRoute(model),
    scaler: nature.scaler
      ? {
          min: 2,
          max: 6,
          targetMin: 2,
          primary: model.floor === null ? 'absent' : 'right',
          primaryFloor: model.floor,
        }
      : null,
    configs: {
      digests,
      versions: { 'configmap/web': String(model.config) },
      copies: model.copied === model.config ? 'right' : model.copied === 0 ? 'absent' : 'wrong',
      stamp: `stamp-${model.config}`,
    },
    answers: model.answers,
  };
}

function lookAtTarget(model: Model, target: Workload): World['target'] {
  const counts = target.counts(model.now);
  const { version, defaults, stamp } = target.template;
  return {
    uid: 'target-uid',
    generation: target.generation,
    revision: model.revisionOf(target.template),
    template: `template-${version}-${defaults}`,
    turn: String(target.turn),
    standsSince: asInstant(0),
    otherImages: model.primary !== null && model.primary.template.version !== version,
    pods: counts,
    readiness: enough(counts, model.spec.analysis.canaryReadyThreshold),
    crashes: [],
    replaced: false,
    configStamp: stamp,
    replicasWriter: 'somebody',
  };
}

export function lookAtRoute(model: Model): RouteFacts {
  const { route } = model;
  const none = { revision: '', step: -1, intact: true, weight: asWeight(0) };
  if (!model.nature.canWeight)
    return {
      ...none,
      canWeight: false,
      state: 'split',
      confirmed: { kind: 'yes', since: asInstant(0) },
    };
  const waiting = { kind: 'waiting', why: 'not in force yet', until: null } as const;
  if (route === null) return { ...none, canWeight: true, state: 'absent', confirmed: waiting };
  const confirmed = model.routeRefused
    ? ({ kind: 'refused', why: 'the parent refuses it' } as const)
    : model.confirmedAt === null
      ? waiting
      : ({ kind: 'yes', since: model.confirmedAt } as const);
  const { kind: state, intact, weight, step } = route;
  return {
    canWeight: true,
    state,
    intact,
    step,
    confirmed,
    revision: route.revision,
    weight: asWeight(weight),
  };
}
