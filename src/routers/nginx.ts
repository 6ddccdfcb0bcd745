// ingress-nginx: a canary Ingress next to the user's own, which keeps pointing at the apex and so at the primary.
import { asWeight, NO_WEIGHT } from '../api/canary.ts';
import type { CanarySpec, Problem, Weight } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { NGINX_QUERIES } from './builtin-queries.ts';
import type { RouterInput, RouterProvider, RouteState } from './provider.ts';
import {
  holds,
  holdsMetadata,
  isRecord,
  ours,
  problem,
  records,
  serviceNames,
  stampOf,
  stamped,
  TOGGLES,
} from './route-objects.ts';
import { withoutEffect } from './without-effect.ts';

const INGRESS = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  plural: 'ingresses',
} as const;
const STANDARD_PREFIX = 'nginx.ingress.kubernetes.io';
/** The older way to name the class; without it the canary Ingress would be somebody else's. */
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
/** ingress-nginx gives no sign that it has taken up a change; a reload and its endpoints are done long before. */
const SETTLE_MS = 5000;
const NAME_MAX = 63;
/** Fields that bring in requests of which the user's Ingress says nothing, and that no server fills in by itself. */
const STEERING: ReadonlySet<string> = new Set(['rules', 'defaultBackend', 'host']);

type Fields = Readonly<Record<string, unknown>>;

/** The router for an ingress-nginx whose annotations start with `prefix` (its flag `--annotations-prefix`). */
export function nginx(prefix: string = STANDARD_PREFIX): RouterProvider {
  const router: RouterProvider = {
    name: 'nginx',
    can: { weight: true, mirror: false, match: false, sessionAffinity: false },
    confirms: { by: 'settle', settleMs: SETTLE_MS },
    kinds: [INGRESS],
    needs: ({ ingressRef }) =>
      ingressRef === null ? [] : [keyOf(ingressRef.name), keyOf(`${ingressRef.name}-canary`)],
    validate: (spec) => ({
      refused: refused(spec),
      warned: withoutEffect(spec, 'with ingress-nginx the Ingress in spec.ingressRef routes'),
    }),
    missing: (input) => missing(input, prefix),
    render(input, route, writtenAt) {
      const source = sourceOf(input);
      // The user's Ingress alone is the route to the apex; the canary Ingress then goes.
      if (source === undefined || route.kind === 'apex') return [];
      const { apex, canary } = serviceNames(input.spec);
      return [
        {
          apiVersion: INGRESS.apiVersion,
          kind: INGRESS.kind,
          metadata: {
            name: `${source.metadata.name}-canary`,
            namespace: input.canary.namespace,
            annotations: {
              ...inheritedAnnotations(source, prefix),
              ...TOGGLES,
              [`${prefix}/canary`]: 'true',
              [`${prefix}/canary-weight`]: String(route.canary),
              ...stamped(input.canary, route, writtenAt),
            },
          },
          spec: canarySpec(source, { apex, canary }),
        },
      ];
    },
    read: (input) => read(router, input, prefix),
    builtin: NGINX_QUERIES,
  };
  return router;
}

function read(router: RouterProvider, input: RouterInput, prefix: string): RouteState {
  const { canary, spec, objects } = input;
  const name = `${spec.ingressRef?.name ?? ''}-canary`;
  const live = objects.get(keyOf(name));
  if (live === undefined) return { kind: 'absent' };
  if (!ours(live, canary)) {
    return { kind: 'foreign', object: `Ingress ${canary.namespace}/${name}` };
  }
  const { revision, step, writtenAt } = stampOf(live);
  const weight = weightOf(live, prefix);
  const route = { kind: 'split', canary: weight ?? NO_WEIGHT, revision, step } as const;
  const [wanted] = router.render(input, route, writtenAt);
  const intact =
    wanted !== undefined &&
    weight !== null &&
    writtenAt > 0 &&
    step >= 0 &&
    holdsMetadata(live, wanted) &&
    canaryKeys(live, prefix).every((key) => wanted.metadata.annotations?.[key] !== undefined) &&
    holds(live['spec'], wanted['spec'], STEERING);
  return { kind: 'ours', route, writtenAt, intact, accepted: { kind: 'yes' } };
}

/** Null for a weight that ingress-nginx would not take either: it then sends the canary nothing. */
function weightOf(live: KubeObject, prefix: string): Weight | null {
  const text = live.metadata.annotations?.[`${prefix}/canary-weight`] ?? '';
  return /^\d{1,3}$/.test(text) && Number(text) <= 100 ? asWeight(Number(text)) : null;
}

/** Annotations of the live canary Ingress that steer traffic: by header or cookie, for one, past any weight. */
function canaryKeys(live: KubeObject, prefix: string): readonly string[] {
  return Object.keys(live.metadata.annotations ?? {}).filter((key) =>
    key.startsWith(`${prefix}/canary`),
  );
}

function refused(spec: CanarySpec): readonly Problem[] {
  if (spec.ingressRef === null) {
    return [
      problem(
        'spec.ingressRef',
        'with ingress-nginx a Canary must name the Ingress that leads to its apex Service',
      ),
    ];
  }
  const { name, kind } = spec.ingressRef;
  if (kind !== INGRESS.kind) {
    return [
      problem('spec.ingressRef.kind', `must be ${INGRESS.kind}, not ${JSON.stringify(kind)}`),
    ];
  }
  if (`${name}-canary`.length <= NAME_MAX) return [];
  return [
    problem('spec.ingressRef.name', `${name}-canary would be longer than ${NAME_MAX} characters`),
  ];
}

function missing(input: RouterInput, prefix: string): readonly Problem[] {
  const { spec, canary } = input;
  if (spec.ingressRef === null) return [];
  const name = `Ingress ${canary.namespace}/${spec.ingressRef.name}`;
  const source = sourceOf(input);
  if (source === undefined) {
    return [{ ...problem('spec.ingressRef', `${name} does not exist`), reason: 'IngressNotFound' }];
  }
  if (source.metadata.annotations?.[`${prefix}/canary`] === 'true') {
    return [
      problem(
        'spec.ingressRef',
        `${name} is itself a canary Ingress; name the one that it belongs to`,
      ),
    ];
  }
  const names = serviceNames(spec);
  const { rules, defaultBackend } = canarySpec(source, names);
  if (records(rules).length > 0 || defaultBackend !== undefined) return [];
  return [
    problem(
      'spec.ingressRef',
      `${name} has no backend ${names.apex}, so there is no traffic to split`,
    ),
  ];
}

/** The user's class, TLS hosts, and those rules and paths that lead to the apex, led to the canary instead. */
function canarySpec(
  source: KubeObject,
  names: { readonly apex: string; readonly canary: string },
): Fields {
  const spec = isRecord(source['spec']) ? source['spec'] : {};
  const { ingressClassName, tls, defaultBackend } = spec;
  const rules = records(spec['rules']).flatMap((rule) => {
    const http = isRecord(rule['http']) ? rule['http'] : {};
    const paths = records(http['paths'])
      .map((path) => ({ ...path, backend: redirected(path['backend'], names) }))
      .filter(({ backend }) => backend !== null);
    return paths.length === 0 ? [] : [{ ...rule, http: { ...http, paths } }];
  });
  const backend = redirected(defaultBackend, names);
  return {
    ...(ingressClassName === undefined ? {} : { ingressClassName }),
    ...(tls === undefined ? {} : { tls }),
    ...(backend === null ? {} : { defaultBackend: backend }),
    ...(rules.length === 0 ? {} : { rules }),
  };
}

function redirected(
  backend: unknown,
  names: { readonly apex: string; readonly canary: string },
): Fields | null {
  const service = isRecord(backend) ? backend['service'] : undefined;
  if (!isRecord(service) || service['name'] !== names.apex) return null;
  return { service: { ...service, name: names.canary } };
}

/** Only what ingress-nginx reads: a copied annotation of cert-manager or external-dns would do its work twice. */
function inheritedAnnotations(
  source: KubeObject,
  prefix: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(source.metadata.annotations ?? {}).filter(
      ([key]) =>
        key === CLASS_ANNOTATION ||
        (key.startsWith(`${prefix}/`) && !key.startsWith(`${prefix}/canary`)),
    ),
  );
}

function sourceOf({ spec, objects }: RouterInput): KubeObject | undefined {
  return spec.ingressRef === null ? undefined : objects.get(keyOf(spec.ingressRef.name));
}

function keyOf(name: string): string {
  return `${INGRESS.kind}/${name}`;
}
