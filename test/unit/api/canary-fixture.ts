// A calm Canary, to be changed at one place by each test.
import { parseCanary } from '../../../src/api/parse-canary.ts';
import type { CanarySpec, ParsedCanary } from '../../../src/api/canary.ts';
import type { KubeObject } from '../../../src/api/kubernetes.ts';

type Fields = Readonly<Record<string, unknown>>;

export const calmAnalysis: Fields = {
  interval: '30s',
  threshold: 5,
  stepWeight: 10,
  maxWeight: 50,
};

export const calmSpec: Fields = {
  provider: 'nginx',
  targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'podinfo' },
  service: { port: 9898 },
  analysis: calmAnalysis,
};

export function canary(spec: unknown, metadata: Fields = {}): KubeObject {
  return {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'Canary',
    metadata: { name: 'podinfo', namespace: 'test', ...metadata },
    spec,
  };
}

export function parse(spec: unknown, metadata: Fields = {}): ParsedCanary {
  return parseCanary(canary(spec, metadata), { defaultProvider: 'gatewayapi:v1' });
}

/** The spec of a Canary that must be without problems. */
export function specOf(spec: unknown): CanarySpec {
  const parsed = parse(spec);
  if (parsed.spec === null) throw new Error(`refused: ${JSON.stringify(parsed.problems)}`);
  return parsed.spec;
}

export function withAnalysis(fields: Fields): Fields {
  return { ...calmSpec, analysis: { ...calmAnalysis, ...fields } };
}

export function withService(fields: Fields): Fields {
  return { ...calmSpec, service: { port: 9898, ...fields } };
}

/** Reason and path of each problem. */
export function problems(parsed: ParsedCanary): readonly string[] {
  return parsed.problems.map(({ reason, path }) => `${reason} ${path}`);
}

export function warnings(parsed: ParsedCanary): readonly string[] {
  return parsed.warnings.map(({ reason, path }) => `${reason} ${path}`);
}
