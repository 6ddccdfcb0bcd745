// Gates: outside questions that must be answered yes before a rollout goes on. A person's approval answers too.
import type { HookType } from '../api/canary.ts';
import type { Instant } from '../clock/clock.ts';
import type { Ask } from './decision.ts';
import { askKey, earliest, later, short } from './record.ts';
import type { World } from './world.ts';

export interface Gate {
  readonly open: boolean;
  readonly asks: readonly Ask[];
  /** When to ask again. */
  readonly wakeAt: Instant | null;
  /** Why it is closed. */
  readonly why: string;
  /** Somebody said no, as opposed to: has not answered yet. */
  readonly refused: boolean;
}

const OPEN: Gate = { open: true, asks: [], wakeAt: null, why: '', refused: false };

/** Mark of an approval in the status: for one revision, and for one step where a step was named. */
export function approval(type: HookType, revision: string, step: number | null): string {
  return step === null ? `${type}@${short(revision)}` : `${type}@${short(revision)}/${step}`;
}

/** All hooks of a type together; open when there are none. A closed one is asked again after an interval. */
export function gate(world: World, type: HookType, slot: string): Gate {
  const { canary, answers, now } = world;
  const hooks = canary.spec.analysis.webhooks.filter((hook) => hook.type === type);
  if (hooks.length === 0 || approved(world, type)) return OPEN;
  const asks: Ask[] = [];
  const closed: string[] = [];
  let wakeAt: Instant | null = null;
  let refused = false;
  for (const hook of hooks) {
    const key = askKey(world, slot, type, hook.name);
    const answer = answers.get(key);
    const ask = { kind: 'hook', key, hook, phase: canary.status.phase } as const;
    if (answer?.kind !== 'hook') {
      asks.push({ ...ask, newerThan: null });
      closed.push(`${hook.name} has not answered`);
    } else if (!answer.ok) {
      refused = true;
      closed.push(`${hook.name} says no (${answer.message})`);
      const again = later(answer.at, canary.spec.analysis.intervalMs);
      if (now >= again) asks.push({ ...ask, newerThan: again });
      else wakeAt = earliest(wakeAt, again);
    }
  }
  if (closed.length === 0) return OPEN;
  return { open: false, asks, wakeAt, why: closed.join('; '), refused };
}

function approved(world: World, type: HookType): boolean {
  const { status } = world.canary;
  const { rollout } = status;
  if (rollout === null) return false;
  const revision = world.target?.revision ?? status.lastAppliedSpec;
  return (
    rollout.approved.includes(approval(type, revision, null)) ||
    rollout.approved.includes(approval(type, revision, rollout.step))
  );
}
