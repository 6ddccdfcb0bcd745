// S1 and S2: weights are whole and sum up, and traffic is sent only to where the pods for it are ready.
import type { KubeObject } from '../../../api/kubernetes.ts';
import type { Change } from '../../store/change.ts';
import type { Case } from '../cases.ts';
import type { Bench, Invariant } from '../invariant.ts';
import {
  isOperators,
  replicasOf,
  REST,
  selects,
  shareOf,
  templateOf,
  weighingsOf,
} from '../readings.ts';

const TOTAL = 100;

export const weightsSum: Invariant = {
  id: 'S1',
  title: 'weights are integers from 0 to 100 and sum to 100',
  guard: (bench) => ({
    commit(change) {
      if (!isOperators(change) || change.type === 'DELETED') return;
      const { resource, object } = change;
      if (!bench.cases.claims(resource, object).some(({ role }) => role === 'route')) return;
      const { name } = object.metadata;
      for (const weighing of weighingsOf(object)) {
        const wrong = weighing.find(({ weight }) => !isWeight(weight));
        const sum = weighing.reduce((total, { weight }) => total + Number(weight), 0);
        if (wrong !== undefined)
          bench.judge(`route ${name} gives ${wrong.name} the weight ${String(wrong.weight)}`);
        else bench.judge(sum === TOTAL ? null : `the weights of route ${name} sum to ${sum}`);
      }
    },
  }),
};

function isWeight(weight: unknown): boolean {
  return typeof weight === 'number' && Number.isInteger(weight) && weight >= 0 && weight <= TOTAL;
}

export const readyBeforeWeight: Invariant = {
  id: 'S2',
  title: 'a share rises only with the ready pods of the right version that it needs',
  guard: (bench) => ({
    commit(change) {
      if (!isOperators(change) || change.type === 'DELETED') return;
      for (const { of, role } of bench.cases.claims(change.resource, change.object)) {
        if (role === 'route') routeWritten(bench, of, change);
        if (role === 'apex') apexWritten(bench, of, change);
      }
    },
  }),
};

function routeWritten(bench: Bench, of: Case, { before, object }: Change): void {
  const apex = bench.cases.object(of, 'apex');
  const target = bench.cases.object(of, 'target');
  const primary = bench.cases.object(of, 'primary');
  const { names } = of;
  // What a route sends to the apex goes on to whom the apex selects.
  const toTarget = [names.canary, ...(selects(apex, target) ? [names.apex, REST] : [])];
  const toPrimary = [names.primary, ...(selects(apex, primary) ? [names.apex, REST] : [])];
  const share = shareOf(object, toTarget);
  // Without a canary Ingress the user's own sends all to the apex.
  const had = (to: readonly string[]): number =>
    before === null && object.kind === 'Ingress' && to.includes(REST) ? TOTAL : shareOf(before, to);
  if (share > had(toTarget)) canaryRaised(bench, of, share);
  if (shareOf(object, toPrimary) > had(toPrimary))
    servesAfter(bench, of, { to: names.targetPrimary, from: names.target });
}

/** As many as the share of the smaller side, at least one, and none of another version. */
function canaryRaised(bench: Bench, of: Case, share: number): void {
  const { cases, truth } = bench;
  if (cases.excused(of, of.names.target)) return;
  const target = cases.object(of, 'target');
  const template = templateOf(target);
  const primary = cases.object(of, 'primary');
  const size = Math.min(replicasOf(target), primary === null ? Infinity : replicasOf(primary));
  const needed = Math.max(1, Math.ceil((size * share) / TOTAL));
  const version = template === null ? '' : truth.versionOf(template);
  const pods = truth.readyPods(of.namespace, of.names.target);
  const right = pods.filter((pod) => pod.version === version).length;
  const others = pods.length - right;
  const mayMix = of.spec.analysis.canaryReadyThreshold < TOTAL;
  const what = `the canary gets ${share} %`;
  if (right < needed) bench.judge(`${what} with ${right} of ${needed} ready pods`);
  else bench.judge(others > 0 && !mayMix ? `${what} with ${others} pods of another version` : null);
}

interface Shift {
  readonly to: string;
  readonly from: string;
}

/** Where neither side can serve nothing is lost by the choice. */
function servesAfter(bench: Bench, of: Case, { to, from }: Shift): void {
  const { cases, truth } = bench;
  if (cases.excused(of, to, from)) return;
  const served = truth.readyPods(of.namespace, to).length > 0;
  const lost = !served && truth.readyPods(of.namespace, from).length > 0;
  bench.judge(lost ? `traffic goes from ${from} to ${to}, which has no ready pod` : null);
}

function apexWritten(bench: Bench, of: Case, { before, object }: Change): void {
  const { targetPrimary, target } = of.names;
  const find = (service: KubeObject | null) => ({
    primary: selects(service, bench.cases.object(of, 'primary')),
    target: selects(service, bench.cases.object(of, 'target')),
  });
  const [was, is] = [find(before), find(object)];
  if (is.primary && !was.primary) servesAfter(bench, of, { to: targetPrimary, from: target });
  if (is.target && !was.target) servesAfter(bench, of, { to: target, from: targetPrimary });
  if (!is.primary && !is.target && (was.primary || was.target))
    bench.judge('the apex Service selects neither the primary nor the target');
}
