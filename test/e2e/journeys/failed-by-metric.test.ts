// A version whose numbers are bad is rolled back in the very check that reaches the threshold.
import { expect, test } from 'vitest';
import { describeE2E } from '../cluster/e2e.ts';
import {
  condition,
  initialized,
  journey,
  type Journey,
  setImage,
  untilCanary,
  untilEvent,
  untilRolledBack,
} from './journey.ts';

const SUCCESS_RATE = {
  name: 'request-success-rate',
  interval: '1s',
  thresholdRange: { min: 99 },
};

describeE2E('a version with bad numbers', () => {
  test('is rolled back by the check that reaches the threshold, and by none after', async () => {
    await journey(async (walk) => {
      walk.prometheus.answer(() => 50);
      await initialized(walk, {}, { analysis: { threshold: 3, metrics: [SUCCESS_RATE] } });
      await setImage(walk, 'web:2');
      const { status } = await untilRolledBack(walk);
      expect(status.failedChecks).toBe(3);
      expect(walk.prometheus.queries).toHaveLength(3);
      expect(walk.prometheus.queries[0]).toMatch(/http_request_duration_seconds_count/);
      expect(status.lastFailure?.reason).toBe('AnalysisFailed');
      expect(status.lastFailure?.message).toContain(
        'request-success-rate 50 is below the minimum 99',
      );
      expect(status.lastFailure?.revision).toBe(status.lastAppliedSpec);
      expect(status.measurements[0]).toMatchObject({
        name: 'request-success-rate',
        verdict: 'fail',
        value: 50,
      });
      expect(status.history[0]?.outcome).toBe('failed');
      expect(condition(status, 'Promoted')?.status).toBe('False');
      expect(condition(status, 'Ready')?.status).toBe('True');
      expect(condition(status, 'Stalled')?.status).toBe('False');
      await untilEvent(walk, 'Halted');
      await untilEvent(walk, 'AnalysisFailed');
      await untilEvent(walk, 'RolledBack');
    });
  });

  test('has its failed checks counted over all steps, as Flagger counts them', async () => {
    await journey(async (walk) => {
      const answers = [50, 100];
      walk.prometheus.answer(() => answers.shift() ?? 50);
      await initialized(walk, {}, { analysis: { threshold: 2, metrics: [SUCCESS_RATE] } });
      await setImage(walk, 'web:2');
      const once = await untilCanary(walk, 'weight 50', ({ status }) => status.canaryWeight === 50);
      expect(once.status.failedChecks).toBe(1);
      const { status } = await untilRolledBack(walk);
      expect(status.failedChecks).toBe(2);
    });
  });

  test('is judged by a template with variables, asked with the token of its Secret', async () => {
    await journey(async (walk) => {
      walk.prometheus.answer(() => 0.9);
      await makeTemplate(walk);
      const metrics = [
        {
          name: 'errors',
          interval: '1s',
          templateRef: { name: 'errors' },
          thresholdRange: { max: 0.5 },
          templateVariables: { team: 'a"b\\c' },
        },
      ];
      await initialized(walk, {}, { analysis: { threshold: 1, metrics } });
      await setImage(walk, 'web:2');
      const { status } = await untilRolledBack(walk);
      expect(walk.prometheus.queries).toEqual([
        `sum(errors{ns="${walk.namespace}",app="web",svc="web",canary="web",team="a\\"b\\\\c"}[1s])`,
      ]);
      expect(walk.prometheus.authorizations).toEqual(['Bearer s3cret']);
      expect(status.lastFailure?.message).toContain('errors 0.90 is above the maximum 0.5');
      expect(walk.operator.log).not.toContain('s3cret');
    });
  });
});

async function makeTemplate(walk: Journey): Promise<void> {
  await walk.api.post(`/api/v1/namespaces/${walk.namespace}/secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'prometheus' },
    stringData: { token: 's3cret\n' },
  });
  await walk.api.post(`/apis/serin.dev/v1beta1/namespaces/${walk.namespace}/metrictemplates`, {
    apiVersion: 'serin.dev/v1beta1',
    kind: 'MetricTemplate',
    metadata: { name: 'errors' },
    spec: {
      provider: {
        type: 'prometheus',
        address: walk.prometheus.url,
        secretRef: { name: 'prometheus' },
      },
      query:
        'sum(errors{ns="{{ namespace }}",app="{{ target }}",svc="{{ service }}",canary="{{ name }}",team="{{ variables.team }}"}[{{ interval }}])',
    },
  });
}
