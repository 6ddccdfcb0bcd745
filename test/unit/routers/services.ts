// Arbitrary `spec.service`: all that a route can be told of requests, in all combinations.
import * as fc from 'fast-check';
import type { ServiceSpec, StringMatch } from '../../../src/api/canary.ts';
import { calmService, gatewayRef } from './fixtures.ts';

const text = fc.constantFrom('/', '/a', '/a/b');
const match: fc.Arbitrary<StringMatch> = fc
  .tuple(fc.constantFrom('exact', 'prefix', 'suffix', 'regex'), text)
  .map(([key, value]) => ({
    exact: undefined,
    prefix: undefined,
    suffix: undefined,
    regex: undefined,
    [key]: value,
  }));
const matches = fc.dictionary(fc.constantFrom('x-a', 'x-b'), match);
const words = fc.dictionary(fc.constantFrom('x-a', 'x-b'), fc.string());
const change = fc.record({
  add: words,
  set: words,
  remove: fc.array(fc.constantFrom('x-a'), { maxLength: 1 }),
});
const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(value, { nil: null });
export const services: fc.Arbitrary<Partial<ServiceSpec>> = fc.record({
  hosts: fc.constantFrom([], ['*'], ['a.example.com', 'b.example.com']),
  timeout: nullable(fc.constantFrom('15s', '1.5s')),
  backendTimeout: nullable(fc.constantFrom('10s')),
  match: fc.array(
    fc.record({
      uri: nullable(match),
      method: nullable(
        fc.constant({ exact: 'GET', prefix: undefined, suffix: undefined, regex: undefined }),
      ),
      headers: matches,
      queryParams: matches,
    }),
    { maxLength: 3 },
  ),
  rewrite: nullable(
    fc.record({
      uri: nullable(text),
      authority: nullable(fc.constant('x.example.com')),
      type: nullable(fc.constantFrom('ReplacePrefixMatch', 'ReplaceFullPath')),
    }),
  ),
  headers: nullable(fc.record({ request: change, response: change })),
  mirror: fc.constantFrom([], [{ backendRef: { name: 'shadow', port: 80 }, percent: 10 }]),
  corsPolicy: nullable(
    fc.record({
      allowOrigins: fc.constantFrom([], ['https://a.example.com']),
      allowMethods: fc.constantFrom([], ['GET']),
      allowHeaders: fc.constantFrom([], ['x-a']),
      exposeHeaders: fc.constant([]),
      maxAgeSeconds: nullable(fc.nat(100)),
      allowCredentials: nullable(fc.boolean()),
    }),
  ),
  gatewayRefs: fc.constantFrom([gatewayRef]),
  apex: fc.constantFrom(calmService.apex, { labels: { team: 'a' }, annotations: { note: 'n' } }),
});
