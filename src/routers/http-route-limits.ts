// What Gateway API cannot do of what a spec asks: found before the first write, with the field that asks for it.
import type { CanarySpec, HttpMatch, Problem, ServiceSpec } from '../api/canary.ts';
import { parseDuration } from '../api/duration.ts';
import { isRecord, problem } from './route-objects.ts';

/** Limits of the HTTPRoute schema. */
const PARENTS_MAX = 32;
const HOSTS_MAX = 16;
const MATCHES_MAX = 64;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];

export function httpRouteProblems({ service }: CanarySpec): readonly Problem[] {
  return [
    ...parents(service),
    ...longLists(service),
    ...service.match.flatMap(unmatchable),
    ...unrewritable(service),
    ...badTimeouts(service),
    ...badMirrors(service),
  ];
}

function parents({ gatewayRefs }: ServiceSpec): readonly Problem[] {
  if (gatewayRefs.length > 0) return [];
  return [
    problem(
      'spec.service.gatewayRefs',
      'with Gateway API a Canary must name at least one gateway that its route attaches to',
    ),
  ];
}

function longLists(service: ServiceSpec): readonly Problem[] {
  const lists = [
    ['gatewayRefs', service.gatewayRefs.length, PARENTS_MAX],
    ['hosts', service.hosts.length, HOSTS_MAX],
    ['match', service.match.length, MATCHES_MAX],
  ] as const;
  return lists
    .filter(([, length, most]) => length > most)
    .map(([field, length, most]) =>
      problem(`spec.service.${field}`, `an HTTPRoute takes ${most} of these, not ${length}`),
    );
}

function unmatchable({ uri, method }: HttpMatch, index: number): readonly Problem[] {
  const path = `spec.service.match[${index}]`;
  const text = uri?.exact ?? uri?.prefix ?? '/';
  return [
    ...(text.startsWith('/')
      ? []
      : [
          problem(
            `${path}.uri`,
            `a path starts with a slash, and ${JSON.stringify(text)} does not`,
          ),
        ]),
    ...(method === null || METHODS.includes(method.exact ?? '')
      ? []
      : [
          problem(
            `${path}.method`,
            `Gateway API matches a method exactly, as one of ${METHODS.join(', ')}; write one match for each`,
          ),
        ]),
  ];
}

function unrewritable({ rewrite, match }: ServiceSpec): readonly Problem[] {
  if (rewrite === null) return [];
  const { type, uri, authority } = rewrite;
  if (uri === null && authority === null) {
    return [problem('spec.service.rewrite', 'a rewrite names a uri, an authority or both')];
  }
  if (type !== 'ReplacePrefixMatch' || match.length === 0) return [];
  const [only] = match;
  const prefixed = only?.uri === null || only?.uri.prefix !== undefined;
  if (match.length === 1 && prefixed) return [];
  return [
    problem(
      'spec.service.rewrite.type',
      'ReplacePrefixMatch needs exactly one match, and that by uri.prefix: Gateway API refuses the route otherwise',
    ),
  ];
}

function badTimeouts({ timeout, backendTimeout }: ServiceSpec): readonly Problem[] {
  const given = { timeout, backendTimeout };
  const unreadable = Object.entries(given).flatMap(([field, text]) =>
    text === null || parseDuration(text) !== null
      ? []
      : [problem(`spec.service.${field}`, `${JSON.stringify(text)} is not a duration such as 15s`)],
  );
  const whole = parseDuration(timeout ?? '') ?? 0;
  const part = parseDuration(backendTimeout ?? '') ?? 0;
  if (whole === 0 || part <= whole) return unreadable;
  return [
    ...unreadable,
    problem(
      'spec.service.backendTimeout',
      `one try may not take longer (${backendTimeout}) than the whole request (${timeout})`,
    ),
  ];
}

function badMirrors({ mirror }: ServiceSpec): readonly Problem[] {
  return mirror.flatMap((one, index) => {
    const backend = isRecord(one) ? one['backendRef'] : undefined;
    if (isRecord(backend) && typeof backend['name'] === 'string') return [];
    const path = `spec.service.mirror[${index}].backendRef`;
    return [problem(path, 'a mirror names the Service that gets the copies: backendRef.name')];
  });
}
