// Schema of a MetricTemplate: where a metric comes from, and the query for it.
import { objectName } from './common.ts';
import { choice, flag, list, map, object, text } from './schema.ts';

/** Flagger's list: the API server refuses others, the operator answers `unknown` for those that are not built. */
export const METRIC_PROVIDERS = [
  'prometheus',
  'influxdb',
  'datadog',
  'externalmetrics',
  'stackdriver',
  'cloudwatch',
  'newrelic',
  'graphite',
  'dynatrace',
  'keptn',
  'splunk',
] as const;
export type MetricProviderType = (typeof METRIC_PROVIDERS)[number];

export const metricTemplateSchema = object('A query, and who answers it.', {
  required: {
    provider: object('Who answers the query.', {
      required: { type: choice('Kind of the provider.', METRIC_PROVIDERS) },
      optional: {
        address: text('Address of the provider, http or https. Default: that of the provider.', {
          max: 2048,
        }),
        headers: map(
          'Headers to send along. Prometheus only.',
          list('Values of the header.', text('A value.', { max: 8192 }), { max: 16 }),
          { max: 32 },
        ),
        secretRef: object("A Secret in the template's namespace that holds the credentials.", {
          required: { name: objectName('Name of the Secret.') },
          optional: {},
        }),
        region: text('Region of the provider. CloudWatch only.', { max: 63 }),
        insecureSkipVerify: flag('Do not verify the certificate of the provider. Default false.'),
      },
    }),
    query: text(
      'The query. {{ name }}, {{ namespace }}, {{ target }}, {{ service }}, {{ ingress }}, {{ route }}, {{ interval }} and {{ variables.<name> }} stand for what the Canary says.',
      { min: 1, max: 16_384 },
    ),
  },
  optional: {},
});
