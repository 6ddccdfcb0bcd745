// What a router looks at: the live objects of its kinds, and whether the cluster serves those kinds at all.
import type { Canary, Problem } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { RouterInput, RouterProvider } from '../routers/provider.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Looks } from './looks.ts';

/** What the stores hold of the objects that a router asked for; a kind that the cluster does not serve is a problem. */
export function routeInput(
  view: ClusterView,
  { canary, router }: { readonly canary: Canary; readonly router: RouterProvider },
  looks: Looks,
  problems: Problem[],
): { readonly input: RouterInput; readonly unserved: boolean } {
  const objects = new Map<string, KubeObject>();
  let unserved = false;
  for (const { apiVersion, kind, plural } of router.kinds) {
    const informer = view.routes(apiVersion, kind, plural);
    const { phase } = informer.status(canary.namespace);
    if (phase !== 'synced') {
      unserved = true;
      // A kind that is not served has no objects that could mislead a deletion.
      if (!canary.deleting || phase !== 'unserved')
        problems.push(notServed(router.name, kind, phase));
    }
    for (const name of router.needs(canary.spec)) {
      if (!name.startsWith(`${kind}/`)) continue;
      const key = `${canary.namespace}/${name.slice(kind.length + 1)}`;
      looks.at(`${plural}/${key}`);
      const object = informer.store.get(key);
      if (object !== undefined) objects.set(name, object);
    }
  }
  return { input: { canary, spec: canary.spec, objects }, unserved };
}

function notServed(provider: string, kind: string, phase: string): Problem {
  const path = 'spec.provider';
  switch (phase) {
    case 'unserved':
      return {
        reason: 'KindNotServed',
        path,
        message: `${provider} needs ${kind}, which this cluster does not serve: install its CRD`,
      };
    case 'forbidden':
      return {
        reason: 'KindForbidden',
        path,
        message: `${provider} needs ${kind}, which the operator may not watch: grant it list and watch`,
      };
    default:
      return { reason: 'Syncing', path, message: `objects of kind ${kind} are being read` };
  }
}
