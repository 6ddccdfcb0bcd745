// The primary as it should be there: taken over from an earlier Canary, or made again where somebody deleted it.
import { act, type Decision, rest } from './decision.ts';
import type { World } from './world.ts';

/**
 * Null when the primary is there and ours. One that was deleted comes back only from a template that was judged: the
 * promoted one, or the one whose promotion is under way.
 */
export function primaryLine(world: World): Decision | null {
  const { primary, target, canary, configs } = world;
  const { phase, lastAppliedSpec, lastPromotedSpec } = canary.status;
  if (primary !== null)
    return primary.owner === 'left' ? act('take over the primary', { kind: 'adoptPrimary' }) : null;
  const judged = lastAppliedSpec === lastPromotedSpec || phase === 'Promoting';
  if (target === null || target.revision !== lastAppliedSpec || !judged)
    return rest('the primary is gone and the target holds another version');
  if (configs.copies !== 'right')
    return act('copy ConfigMaps and Secrets', { kind: 'copyConfigs' });
  return act('create the primary again', {
    kind: 'createPrimary',
    replicas: Math.max(1, target.pods.replicas),
  });
}
