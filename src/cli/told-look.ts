// What `plan` and `explain` print of a look.
import type { CanaryStatus, ParsedCanary, Problem } from '../api/canary.ts';
import { short } from '../decision/record.ts';
import { explain, planned } from '../decision/explain.ts';
import { visible } from '../recorder/visible-text.ts';
import type { Look } from './look.ts';
import { storyOf } from './row.ts';

/** The dry run: what the operator would do now, and what it would not do for what reason. */
export function planLines(look: Exclude<Look, { kind: 'partial' }>): readonly string[] {
  const { decision, parsed } = look;
  const { namespace, name } = parsed.identity;
  const kind = {
    record: 'would store a choice in the status',
    act: 'would write to the cluster',
    rest: 'would rest',
  } as const;
  const violations = look.kind === 'seen' ? look.violations : [];
  return [
    `Canary ${namespace}/${name}: the operator ${kind[decision.kind]}`,
    ...problemLines(look.problems),
    ...planned(decision),
    ...(decision.kind === 'record' ? changes(parsed.status, decision.status) : []),
    ...violations.map(({ invariant, message }) => `refused by invariant ${invariant}: ${message}`),
    ...(decision.asks.length > 0
      ? ['answers of metrics and webhooks are not known here: what they would change is not shown']
      : []),
  ].map(visible);
}

export function explainLines(look: Look): readonly string[] {
  return [...story(look), ...conditionLines(look.parsed.status)].map(visible);
}

function story(look: Look): readonly string[] {
  const { status } = look.parsed;
  const place = placeOf(look.parsed);
  switch (look.kind) {
    case 'seen':
      return explain(look.world, look.decision);
    case 'unreadable':
      return [
        `${place}; its spec cannot be obeyed`,
        ...problemLines(look.problems),
        ...told(status),
      ];
    case 'partial':
      return [`${place}: ${storyOf(look.parsed)}`, ...told(status), unseenLine(look.unseen)];
  }
}

/** Every problem, each with its path. */
function problemLines(problems: readonly Problem[]): readonly string[] {
  if (problems.length === 0) return [];
  const each = problems.map(({ path, message, reason }) =>
    path === '' ? `  ${message} (${reason})` : `  ${path}: ${message} (${reason})`,
  );
  return ['Refused:', ...each];
}

function placeOf({ identity, status }: ParsedCanary): string {
  const phase = status.phase === '' ? 'not initialized' : status.phase;
  return `Canary ${identity.namespace}/${identity.name} is ${phase}`;
}

/** What the status alone can tell. */
function told(status: CanaryStatus): readonly string[] {
  const { lastPromotedSpec, lastAppliedSpec, canaryWeight, measurements, lastFailure } = status;
  if (lastPromotedSpec === '') return ['Nothing has been promoted yet'];
  return [
    `Promoted revision: ${short(lastPromotedSpec)}`,
    ...(lastAppliedSpec === lastPromotedSpec
      ? []
      : [`Revision taken up last: ${short(lastAppliedSpec)}`]),
    `Weight of the canary: ${canaryWeight}`,
    ...measurements.map(({ verdict, message }) => `Last check: ${verdict}, ${message}`),
    ...(lastFailure === null
      ? []
      : [
          `Last failure: revision ${short(lastFailure.revision)}, ${lastFailure.reason}: ${lastFailure.message}`,
        ]),
  ];
}

/** What somebody may not read who lacks these grants. */
function unseenLine(unseen: readonly string[]): string {
  return `More can be told to who may list and watch ${unseen.join(', ')} in this namespace`;
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
