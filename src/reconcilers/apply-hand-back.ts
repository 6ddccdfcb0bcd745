// What is done when a Canary goes: its things are deleted once the target serves, or left behind, serving.
import type { KubeObject } from '../api/kubernetes.ts';
import type { Resource } from '../client/client.ts';
import { RESOURCES } from '../client/resources.ts';
import type { Route } from '../routers/provider.ts';
import { type Hand, withMetadata } from './hand.ts';
import { resourceOf } from './apply-traffic.ts';
import { COPY_DIGEST } from './config-book.ts';
import { ownedBy } from './ownership.ts';
import type { Scene } from './scene.ts';

/** The route sends everything to the apex Service and belongs to nobody; objects that it no longer needs are deleted. */
export async function routeToApex(hand: Hand, scene: Scene, trailing: boolean): Promise<void> {
  const { router, routerInput, parsed } = scene;
  const route: Route = trailing ? { kind: 'apex', trailing } : { kind: 'apex' };
  const objects = router.render(routerInput, route, hand.parts.clock.now());
  const kept = new Set(objects.map((object) => `${object.kind}/${object.metadata.name}`));
  for (const object of objects) await hand.apply(resourceOf(router, object), object);
  for (const [name, live] of routerInput.objects) {
    if (!kept.has(name) && ownedBy(live, parsed.identity))
      await hand.delete(resourceOf(router, live), live);
  }
}

/** Primary, its autoscaler, the copies and the two Services are deleted; the apex stays, without us as its owner. */
export async function removePrimary(hand: Hand, scene: Scene): Promise<void> {
  const { identity } = scene.parsed;
  const { view } = hand.parts;
  const mine = (object: KubeObject | null | undefined): object is KubeObject =>
    object !== null && object !== undefined && ownedBy(object, identity);
  if (mine(scene.apex)) await disown(hand, RESOURCES.services, scene.apex, identity.uid);
  if (mine(scene.primaryScaler))
    await hand.delete(RESOURCES.horizontalPodAutoscalers, scene.primaryScaler);
  if (mine(scene.primary)) await hand.delete(RESOURCES.deployments, scene.primary);
  for (const name of [scene.names.primary, scene.names.canary]) {
    const service = view.services.store.get(`${identity.namespace}/${name}`);
    if (mine(service)) await hand.delete(RESOURCES.services, service);
  }
  await removeCopies(hand, identity);
}

/** All copies of ours, also of configs that the target no longer refers to; what another Canary shares stays with it. */
async function removeCopies(
  hand: Hand,
  { namespace, uid }: Scene['parsed']['identity'],
): Promise<void> {
  const { configMaps, secrets } = hand.parts.view;
  const kinds = [
    [RESOURCES.configMaps, configMaps?.store.list(namespace) ?? []],
    [RESOURCES.secrets, secrets?.store.list(namespace) ?? []],
  ] as const;
  for (const [resource, objects] of kinds) {
    for (const copy of objects) {
      if (copy.metadata.annotations?.[COPY_DIGEST] === undefined || !ownedBy(copy, { uid }))
        continue;
      const others = (copy.metadata.ownerReferences ?? []).some(
        (owner) => owner.kind === 'Canary' && owner.uid !== uid,
      );
      if (others) await disown(hand, resource, copy, uid);
      else await hand.delete(resource, copy);
    }
  }
}

/** Everything that this Canary owns in its namespace goes on without an owner. */
export async function orphan(hand: Hand, canary: KubeObject): Promise<void> {
  const { namespace, uid = '' } = canary.metadata;
  const { view } = hand.parts;
  const owned: readonly (readonly [Resource, readonly KubeObject[]])[] = [
    [RESOURCES.deployments, view.deployments.store.list(namespace)],
    [RESOURCES.services, view.services.store.list(namespace)],
    [RESOURCES.horizontalPodAutoscalers, view.scalers.store.list(namespace)],
    [RESOURCES.configMaps, view.configMaps?.store.list(namespace) ?? []],
    [RESOURCES.secrets, view.secrets?.store.list(namespace) ?? []],
    ...view.routeObjects(namespace),
  ];
  for (const [resource, objects] of owned) {
    for (const object of objects)
      if (ownedBy(object, { uid })) await disown(hand, resource, object, uid);
  }
}

/** Takes our two owner references away: the Canary's, and the target's that came with it. The mark says what it was. */
async function disown(
  hand: Hand,
  resource: Resource,
  object: KubeObject,
  uid: string,
): Promise<void> {
  const owners = object.metadata.ownerReferences ?? [];
  const ownerReferences = owners.filter(
    (owner) => owner.uid !== uid && (owner.controller === true || owner.kind === 'Canary'),
  );
  await hand.change(resource, object, withMetadata(object, { ownerReferences }));
}
