// What `plan` and `explain` print of a look.
import type { CanaryStatus, Problem } from '../api/canary.ts';
import { short } from '../decision/record.ts';
import { explain, planned } from '../decision/explain.ts';
import { visible } from '../recorder/visible-text.ts';
import type { Look } from './look.ts';

/** The dry run: what the operator would do now, and what it would not do for what reason. */
export function planLines(look: Look): readonly string[] {
  const { decision, parsed } = look;
  const { namespace, name } = parsed.identity;
  const kind = {
    record: 'would store a choice in the status',
    act: 'would write to the cluster',
    rest: 'would rest',
  } as const;
  return [
    `Canary ${namespace}/${name}: the operator ${kind[decision.kind]}`,
    ...problemLines(look.problems),
    ...planned(decision),
    ...(decision.kind === 'record' ? changes(parsed.status, decision.status) : []),
    ...(look.kind === 'seen'
      ? look.violations.map(
          ({ invariant, message }) => `refused by invariant ${invariant}: ${message}`,
        )
      : []),
    ...(decision.asks.length > 0
      ? ['answers of metrics and webhooks are not known here: what they would change is not shown']
      : []),
    ...unseenLines(look),
  ].map(visible);
}

export function explainLines(look: Look): readonly string[] {
  const { status } = look.parsed;
  const lines =
    look.kind === 'seen'
      ? explain(look.world, look.decision)
      : [unreadablePlace(look), ...problemLines(look.problems), ...statusLines(status)];
  return [...lines, ...conditionLines(status), ...unseenLines(look)].map(visible);
}

/** Every problem, each with its path. */
export function problemLines(problems: readonly Problem[]): readonly string[] {
  if (problems.length === 0) return [];
  const each = problems.map(({ path, message, reason }) =>
    path === '' ? `  ${message} (${reason})` : `  ${path}: ${message} (${reason})`,
  );
  return ['Refused:', ...each];
}

function unreadablePlace({ parsed }: Look): string {
  const { identity, status } = parsed;
  return `Canary ${identity.namespace}/${identity.name} is ${status.phase === '' ? 'not initialized' : status.phase}; its spec cannot be obeyed`;
}

function statusLines(status: CanaryStatus): readonly string[] {
  const { lastPromotedSpec, canaryWeight } = status;
  if (lastPromotedSpec === '') return ['Nothing has been set up for it'];
  return [`Promoted revision: ${short(lastPromotedSpec)}`, `Weight of the canary: ${canaryWeight}`];
}

function conditionLines({ conditions }: CanaryStatus): readonly string[] {
  if (conditions.length === 0) return [];
  const width = Math.max(...conditions.map(({ type }) => type.length));
  const each = conditions.map(({ type, status, reason, message }) => {
    const words = message === '' ? reason : `${reason}: ${message}`;
    return `  ${type.padEnd(width)} ${status.padEnd(7)} ${words}`;
  });
  return ['Conditions:', ...each];
}

function unseenLines({ unseen }: Look): readonly string[] {
  if (unseen.length === 0) return [];
  return [
    `You may not list and watch ${unseen.join(', ')} here, the operator may: what this says of them, and of revisions, can be wrong`,
  ];
}

/** What a record would change, of what people look at. */
function changes(before: CanaryStatus, after: CanaryStatus): readonly string[] {
  const lines: string[] = [];
  const moved = (what: string, from: string | number, to: string | number): void => {
    if (from !== to)
      lines.push(`  ${what}: ${from === '' ? 'none' : from} -> ${to === '' ? 'none' : to}`);
  };
  moved('phase', before.phase, after.phase);
  moved('weight', before.canaryWeight, after.canaryWeight);
  moved('step', before.rollout?.step ?? 0, after.rollout?.step ?? 0);
  moved('iterations', before.iterations, after.iterations);
  moved('failed checks', before.failedChecks, after.failedChecks);
  moved('revision', short(before.lastAppliedSpec), short(after.lastAppliedSpec));
  moved('promoted revision', short(before.lastPromotedSpec), short(after.lastPromotedSpec));
  for (const { type, status, message } of after.conditions) {
    const old = before.conditions.find((condition) => condition.type === type);
    if (old?.status !== status || old.message !== message)
      lines.push(`  condition ${type}: ${status}, ${message}`);
  }
  return lines;
}
