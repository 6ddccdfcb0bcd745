// Writes to target, primary and autoscaler.
import type {
  Deployment,
  HorizontalPodAutoscaler,
  KubeObject,
  PodTemplate,
} from '../api/kubernetes.ts';
import { RESOURCES } from '../client/resources.ts';
import { primaryScaler } from '../workloads/autoscaler.ts';
import type { WorkloadKind } from '../workloads/kind.ts';
import { revisionOf } from '../workloads/revision.ts';
import { type Hand, movedOn, withMetadata } from './hand.ts';
import { claimed } from './ownership.ts';
import type { Scene } from './scene.ts';

const CONFIG_STAMP = 'serin.dev/configs';

export async function createPrimary(hand: Hand, scene: Scene, replicas: number): Promise<void> {
  const made = primaryOf(hand, scene, scene.parsed.status.lastAppliedSpec);
  const spec = { ...(made as Deployment).spec, replicas };
  const ours = claimed(made, scene.parsed.identity, scene.target);
  await hand.create(RESOURCES.deployments, { ...ours, spec });
}

/** The primary for a revision; refused when the target no longer holds it. */
function primaryOf(hand: Hand, scene: Scene, revision: string): KubeObject {
  const { target, kind, world, label } = scene;
  if (target === null) throw movedOn('render the primary');
  const digests = Object.fromEntries(scene.configs.map(({ key, digest }) => [key, digest]));
  if (revisionOf(kind.template(target), digests) !== revision)
    throw movedOn(`render the primary of revision ${revision}`);
  const { includePrefixes } = hand.parts;
  return kind.primary(target, world.canary, {
    revision,
    label: label.key,
    includePrefixes,
    copied: Object.keys(digests),
  });
}

/**
 * What the primary must be is set whole, not merged: a field that the judged version does not have must not live on in
 * the primary because somebody else's field manager still holds it.
 */
export async function promote(
  hand: Hand,
  scene: Scene,
  { revision, replicas }: { readonly revision: string; readonly replicas?: number },
): Promise<void> {
  const { primary } = scene;
  if (primary === null) throw movedOn('promote');
  const made = primaryOf(hand, scene, revision) as Deployment;
  const { selector: _fixed, ...spec } = made.spec;
  const labels = { ...primary.metadata.labels, ...made.metadata.labels };
  const annotations = { ...primary.metadata.annotations, ...made.metadata.annotations };
  const wanted = {
    ...withMetadata(primary, { labels, annotations }),
    spec: { ...primary.spec, ...spec, ...(replicas === undefined ? {} : { replicas }) },
  };
  await hand.change(RESOURCES.deployments, primary, wanted);
}

export async function adoptPrimary(hand: Hand, scene: Scene): Promise<void> {
  const { primary, target, parsed } = scene;
  if (primary === null) throw movedOn('adopt the primary');
  await hand.change(RESOURCES.deployments, primary, claimed(primary, parsed.identity, target));
}

/** By the scale subresource, for the object that was read; `generation` fences against a target that moved. */
export async function scale(
  hand: Hand,
  workload: { readonly object: Deployment | null; readonly kind: WorkloadKind },
  replicas: number,
  generation: number | null,
): Promise<void> {
  const { object } = workload;
  if (object === null || (generation !== null && object.metadata.generation !== generation))
    throw movedOn('scale');
  await hand.scale(RESOURCES.deployments, object, replicas);
}

export async function writeScaler(hand: Hand, scene: Scene, floor: number | null): Promise<void> {
  const { scaler, parsed, world, target } = scene;
  if (scaler === null) throw movedOn('write the autoscaler');
  const { includePrefixes } = hand.parts;
  const made: HorizontalPodAutoscaler = primaryScaler(scaler, world.canary, {
    floorReplicas: floor,
    includePrefixes,
  });
  const resource = RESOURCES.horizontalPodAutoscalers;
  const written = await hand.apply(resource, claimed(made, parsed.identity, target));
  // An apply leaves what others added; it would be found wrong, and written, for ever.
  await hand.change(resource, written, { ...written, spec: made.spec });
}

export async function stampTarget(
  hand: Hand,
  scene: Scene,
  stamp: string,
  generation: number,
): Promise<void> {
  const { target } = scene;
  if (target === null || target.metadata.generation !== generation) {
    throw movedOn('restart the canary pods');
  }
  const { template } = target.spec;
  const annotations = { ...template.metadata?.annotations, [CONFIG_STAMP]: stamp };
  const stamped = { ...template, metadata: { ...template.metadata, annotations } };
  await hand.change(RESOURCES.deployments, target, withTemplate(target, stamped));
}

export async function restoreTarget(hand: Hand, scene: Scene, generation: number): Promise<void> {
  const { target, primary, kind, label } = scene;
  if (target === null || primary === null || target.metadata.generation !== generation) {
    throw movedOn('restore the target');
  }
  const template = kind.restore(primary, target, { label: label.key });
  await hand.change(RESOURCES.deployments, target, withTemplate(target, template));
}

function withTemplate(target: Deployment, template: PodTemplate): Deployment {
  return { ...target, spec: { ...target.spec, template } };
}
