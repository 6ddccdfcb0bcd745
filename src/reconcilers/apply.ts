// Makes a decision's writes come true. With hand.ts the only place that changes users' clusters.
import type { KubeObject } from '../api/kubernetes.ts';
import { FINALIZER } from '../api/canary.ts';
import { RESOURCES } from '../client/resources.ts';
import type { Write } from '../decision/decision.ts';
import { applyConfigs } from './apply-configs.ts';
import { orphan, removePrimary, routeToApex } from './apply-hand-back.ts';
import { writeApex, writeRoute, writeServices } from './apply-traffic.ts';
import {
  adoptPrimary,
  createPrimary,
  promote,
  restoreTarget,
  scale,
  stampTarget,
  writeScaler,
} from './apply-workloads.ts';
import { type Hand, withMetadata } from './hand.ts';
import type { Scene, Unreadable } from './scene.ts';

/** Runs one write. Throws ApiError; a conflict means: look again and decide again. */
export async function applyWrite(hand: Hand, scene: Scene, write: Write): Promise<void> {
  switch (write.kind) {
    case 'finalizer':
      return finalizer(hand, scene.canary, write.present);
    case 'copyConfigs':
      return applyConfigs(hand, scene);
    case 'createPrimary':
      return createPrimary(hand, scene, write.replicas);
    case 'adoptPrimary':
      return adoptPrimary(hand, scene);
    case 'promote':
      return promote(hand, scene, write);
    case 'scalePrimary':
      return scale(hand, { object: scene.primary, kind: scene.kind }, write.replicas, null);
    case 'scaleTarget':
      return scale(
        hand,
        { object: scene.target, kind: scene.kind },
        write.replicas,
        write.generation,
      );
    case 'scaler':
      return writeScaler(hand, scene, write.floor);
    case 'services':
      return writeServices(hand, scene);
    case 'apex':
      return writeApex(hand, scene, write.selects);
    case 'route':
      return writeRoute(hand, scene, write);
    case 'routeToApex':
      return routeToApex(hand, scene, write.trailing);
    case 'stampTarget':
      return stampTarget(hand, scene, write.stamp, write.generation);
    case 'restoreTarget':
      return restoreTarget(hand, scene, write.generation);
    case 'orphan':
      return orphan(hand, scene.canary);
    case 'removePrimary':
      return removePrimary(hand, scene);
    case 'clearIntent':
      return clearIntent(hand, scene.canary, write);
  }
}

/** The two writes that make sense for a Canary whose spec cannot be read. */
export async function applyUnreadable(hand: Hand, scene: Unreadable, write: Write): Promise<void> {
  if (write.kind === 'orphan') return orphan(hand, scene.canary);
  if (write.kind === 'finalizer') return finalizer(hand, scene.canary, write.present);
  throw new Error(`${write.kind} needs a spec`);
}

async function finalizer(hand: Hand, canary: KubeObject, present: boolean): Promise<void> {
  const held = canary.metadata.finalizers ?? [];
  if (held.includes(FINALIZER) === present) return;
  const finalizers = present ? [...held, FINALIZER] : held.filter((name) => name !== FINALIZER);
  await hand.change(RESOURCES.canaries, canary, withMetadata(canary, { finalizers }));
}

async function clearIntent(
  hand: Hand,
  canary: KubeObject,
  intent: { readonly verb: string; readonly value: string },
): Promise<void> {
  const name = `serin.dev/${intent.verb}`;
  if (canary.metadata.annotations?.[name] !== intent.value) return;
  const { [name]: _taken, ...annotations } = canary.metadata.annotations;
  await hand.change(RESOURCES.canaries, canary, withMetadata(canary, { annotations }));
}
