// Fields of a spec that a router has no use for: accepted, as Flagger ignores them too, and told.
import type { CanarySpec, Problem } from '../api/canary.ts';
import { problem } from './route-objects.ts';

/** A warning for each routing field of `spec.service` that is set; `instead` says where routing is set up. */
export function withoutEffect({ service }: CanarySpec, instead: string): readonly Problem[] {
  const set = {
    hosts: service.hosts.length > 0,
    gatewayRefs: service.gatewayRefs.length > 0,
    match: service.match.length > 0,
    rewrite: service.rewrite !== null,
    headers: service.headers !== null,
    timeout: service.timeout !== null,
    backendTimeout: service.backendTimeout !== null,
    mirror: service.mirror.length > 0,
    corsPolicy: service.corsPolicy !== null,
  };
  return Object.entries(set)
    .filter(([, given]) => given)
    .map(([field]) => problem(`spec.service.${field}`, `has no effect: ${instead}`));
}
