// Writes to Services and routes.
import type { Weight } from '../api/canary.ts';
import type { KubeObject, Service } from '../api/kubernetes.ts';
import type { Resource } from '../client/client.ts';
import { RESOURCES } from '../client/resources.ts';
import { microTime } from '../clock/time-format.ts';
import type { RouterProvider } from '../routers/provider.ts';
import { renderServices } from '../workloads/services.ts';
import { type Hand, movedOn } from './hand.ts';
import { APEX_SINCE } from './observe-traffic.ts';
import { abandoned, claimed, leftOver, ownedBy } from './ownership.ts';
import type { Scene } from './scene.ts';

const ORIGINAL_SELECTOR = 'serin.dev/original-selector';

export async function writeServices(hand: Hand, scene: Scene): Promise<void> {
  const { primary, canary } = rendered(scene, 'primary');
  for (const service of [primary, canary]) {
    const live = hand.parts.view.services.store.get(
      `${scene.parsed.identity.namespace}/${service.metadata.name}`,
    );
    // Left by an earlier Canary: nobody else will ever take it away.
    const left =
      live !== undefined &&
      leftOver(live, scene.parsed.identity) &&
      abandoned(live, hand.parts.view.canaries.store);
    await hand.apply(RESOURCES.services, owned(scene, service, left ? null : (live ?? null)));
  }
}

/** The apex is taken over where it exists, without owning it; its first selector is remembered on it. */
export async function writeApex(
  hand: Hand,
  scene: Scene,
  selects: 'primary' | 'target',
): Promise<void> {
  const { apex: live } = scene;
  const { apex } = rendered(scene, selects);
  const kept = live?.metadata.annotations?.[ORIGINAL_SELECTOR];
  const first =
    kept ?? (live?.spec.selector === undefined ? undefined : JSON.stringify(live.spec.selector));
  const foreign = live !== null && !ownedBy(live, scene.parsed.identity);
  const annotations = {
    ...apex.metadata.annotations,
    [APEX_SINCE]: microTime(hand.parts.clock.now()),
    ...(foreign && first !== undefined ? { [ORIGINAL_SELECTOR]: first } : {}),
  };
  const selector = selects === 'target' ? originalSelector(kept, scene.label) : null;
  const spec = selector === null ? apex.spec : { ...apex.spec, selector };
  const stamped: Service = { ...apex, metadata: { ...apex.metadata, annotations }, spec };
  await hand.apply(RESOURCES.services, owned(scene, stamped, live));
}

/** The selector that the Service had before us, as long as it still finds the target by its label. */
function originalSelector(
  kept: string | undefined,
  label: Scene['label'],
): Readonly<Record<string, string>> | null {
  try {
    const selector: unknown = JSON.parse(kept ?? 'null');
    if (typeof selector !== 'object' || selector === null) return null;
    const entries = Object.entries(selector).filter((entry) => typeof entry[1] === 'string');
    const found: Readonly<Record<string, string>> = Object.fromEntries(entries);
    return found[label.key] === label.value ? found : null;
  } catch {
    // Somebody edited the annotation: the target's label alone finds its pods too.
    return null;
  }
}

function rendered(scene: Scene, apexTo: 'primary' | 'target'): ReturnType<typeof renderServices> {
  const { world, target, kind, label, apex } = scene;
  if (target === null) throw movedOn('render the Services');
  const template = kind.template(target);
  return renderServices({
    canary: world.canary,
    template,
    label,
    apexTo,
    liveApex: apex ?? undefined,
  });
}

/** Ours when we make it or made it; a Service that was there before us stays its maker's. */
function owned<T extends KubeObject>(scene: Scene, object: T, live: KubeObject | null): T {
  if (live !== null && !ownedBy(live, scene.parsed.identity)) return object;
  return claimed(object, scene.parsed.identity, scene.target);
}

/** All objects of the route, and none of ours that the route does not have. */
export async function writeRoute(
  hand: Hand,
  scene: Scene,
  split: { readonly weight: Weight; readonly revision: string; readonly step: number },
): Promise<void> {
  const { router, routerInput, parsed, target } = scene;
  const route = {
    kind: 'split',
    canary: split.weight,
    revision: split.revision,
    step: split.step,
  } as const;
  const objects = router.render(routerInput, route, hand.parts.clock.now());
  for (const object of objects) {
    await hand.apply(resourceOf(router, object), claimed(object, parsed.identity, target));
  }
}

export function resourceOf(router: RouterProvider, object: KubeObject): Resource {
  const kind = router.kinds.find(
    (each) => each.kind === object.kind && each.apiVersion === object.apiVersion,
  );
  if (kind === undefined) throw new Error(`router ${router.name} does not declare ${object.kind}`);
  const [group = '', version = ''] = object.apiVersion.split('/');
  return { group, version, plural: kind.plural, kind: kind.kind, namespaced: true };
}
