// Schema of spec.analysis: how a revision is judged, and how traffic moves meanwhile.
import { HOOK_TYPES } from '../canary.ts';
import { stringMatch } from './canary-service.ts';
import { duration, namespacedRef, texts } from './common.ts';
import { choice, flag, integer, list, map, number, object, text } from './schema.ts';
import type { Raw } from './schema.ts';

const metric = object('A number that must stay within bounds.', {
  required: {
    name: text(
      'Name of the metric. request-success-rate (percent) and request-duration (milliseconds, p99) are built in.',
      { min: 1, max: 253 },
    ),
  },
  optional: {
    interval: duration('Window that a sample speaks of, as 1m. Default 1m.', {
      min: '1s',
      max: '24h',
    }),
    thresholdRange: object('Inclusive bounds; one of them may be left out.', {
      required: {},
      optional: {
        min: number('Smallest value that passes.'),
        max: number('Greatest value that passes.'),
      },
      rules: [
        { rule: 'has(self.min) || has(self.max)', message: 'needs min, max or both' },
        {
          rule: '!has(self.min) || !has(self.max) || self.min <= self.max',
          message: 'min must not be greater than max',
        },
      ],
    }),
    threshold: number(
      'Deprecated, write thresholdRange. The smallest value that passes for request-success-rate, the greatest for others.',
    ),
    templateRef: namespacedRef('The MetricTemplate that holds the query.', 'MetricTemplate'),
    templateVariables: texts('Values for {{ variables.<name> }} in the query.', {
      max: 64,
      each: 4096,
    }),
    query: text('Deprecated, write a MetricTemplate. A PromQL query for the metrics server.', {
      max: 16_384,
    }),
  },
  rules: [
    {
      rule: 'has(self.thresholdRange) || has(self.threshold)',
      message: 'needs thresholdRange: without bounds no value can pass or fail',
    },
  ],
});

const webhook = object('A URL that is called at a certain point of the rollout, or a command.', {
  required: {
    name: text('Name of the webhook.', { min: 1, max: 253 }),
  },
  optional: {
    url: text('Address to POST to; http or https. Needed by all types but exec.', {
      min: 1,
      max: 2048,
      pattern: '^[hH][tT][tT][pP][sS]?://',
    }),
    type: choice(
      'When it is called. Default rollout: at every check. confirm-*: the rollout waits for a 2xx. rollback: a 2xx rolls back. event: gets every Event. exec: a command in a pod of the canary, at every check.',
      ['', ...HOOK_TYPES],
    ),
    exec: object(
      'The command of type exec. A check passes with exit code 0 and fails with others.',
      {
        required: {
          command: list(
            'Program and arguments. No shell is put around them.',
            text('A word of the command.', { max: 4096 }),
            { min: 1, max: 64, rules: [{ rule: "self[0] != ''", message: 'needs a program' }] },
          ),
        },
        optional: {
          container: text(
            'Container to run it in. Default: the one that kubectl exec would take, else the first.',
            { min: 1, max: 63 },
          ),
        },
      },
    ),
    timeout: duration(
      'Longest time for a call or a command, as 10s. Default 10s. A command that runs on has failed.',
      { min: '1ms', max: '1h' },
    ),
    retries: integer('Further tries after a connection error, 429 or 5xx. Default 0.', {
      min: 0,
      max: 100,
    }),
    disableTLS: flag('Do not verify the certificate. Default false.'),
    muteAlert: flag('Send no alerts about this webhook. Default false.'),
    metadata: texts('Sent along in the body.', { max: 64, each: 16_384 }),
  },
  rules: [
    {
      rule: "has(self.exec) == (has(self.type) && self.type == 'exec')",
      message: 'type exec needs exec.command, and exec needs type exec',
    },
    {
      rule: 'has(self.url) != has(self.exec)',
      message: 'needs url, or exec with type exec, not both',
    },
  ],
});

const alert = object('A receiver of alerts.', {
  required: {
    name: text('Name of the alert.', { min: 1, max: 253 }),
    providerRef: namespacedRef('The AlertProvider that sends it.', 'AlertProvider'),
  },
  optional: {
    severity: choice('Least severity that is sent. Default info.', ['', 'info', 'warn', 'error']),
  },
});

const match = object('Requests that go to the canary in A/B tests.', {
  required: {},
  optional: {
    headers: map(
      'Request headers by name in lower case.',
      stringMatch('One of exact, prefix, suffix, regex.', { suffix: true }),
      { max: 16 },
    ),
    queryParams: map(
      'Query parameters by name.',
      stringMatch('One of exact, prefix, regex.', { suffix: false }),
      { max: 16 },
    ),
    sourceLabels: texts('Labels of the client workload. Istio only.', { max: 32, each: 63 }),
  },
});

const sessionAffinity = object('Keeps a client on the version that it has seen, by a cookie.', {
  required: { cookieName: text('Name of the cookie.', { min: 1, max: 253 }) },
  optional: {
    primaryCookieName: text('Name of the cookie of clients of the primary.', { max: 253 }),
    domain: text('Host that the cookie is sent to.', { max: 253 }),
    path: text('Path that the cookie is sent for.', { max: 1024 }),
    maxAge: integer('Seconds until the cookie expires. Default 86400.', { min: 0 }),
    httpOnly: flag('Hide the cookie from scripts.'),
    partitioned: flag('Keep the cookie in partitioned storage.'),
    sameSite: choice('Whether the cookie goes with cross-site requests.', [
      'Strict',
      'Lax',
      'None',
    ]),
    secure: flag('Send the cookie over https only.'),
  },
  rules: [
    {
      rule: '!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName',
      message: 'cookieName and primaryCookieName must differ',
    },
  ],
});

const unknown = object('What happens when checks bring no answer: neither a pass nor a fail.', {
  required: {},
  optional: {
    limit: duration('How long the rollout holds without an answer, as 10m. Default 10m.', {
      min: '1s',
      max: '24h',
    }),
    then: choice(
      'pause (default): stand still at weight 0 until someone says resume. rollback: as if it had failed.',
      ['pause', 'rollback'],
    ),
  },
});

const percent = (description: string) => integer(description, { min: 1, max: 100 });

const strategy = {
  iterations: integer(
    'Blue/green: number of checks that must be made before promotion. Exactly one of iterations, stepWeight, stepWeights.',
    { min: 1, max: 10_000 },
  ),
  stepWeight: percent(
    'Percent of the requests by which the share of the canary grows each interval. Exactly one of iterations, stepWeight, stepWeights.',
  ),
  stepWeights: list(
    'Percents of the requests to go through, growing. Exactly one of iterations, stepWeight, stepWeights.',
    percent('Percent of the requests, 1 to 100.'),
    {
      min: 1,
      max: 100,
      rules: [
        {
          rule: 'self.all(earlier, self.filter(one, one == earlier).size() == 1) && self.isSorted()',
          message: 'must grow from each entry to the next',
        },
      ],
    },
  ),
  maxWeight: percent(
    'Greatest share of the canary in percent; the last step is cut to it. Default 100. No effect with stepWeights.',
  ),
  stepWeightPromotion: integer(
    'Percent by which traffic returns to the primary each interval after promotion. Default 0: at once.',
    { min: 0, max: 100 },
  ),
};

export const analysisSchema = object(
  'How a new revision is judged, and how traffic moves meanwhile.',
  {
    required: {},
    optional: {
      interval: duration('Time between two checks, as 30s. At least 1s. Default 60s.', {
        min: '1s',
        max: '24h',
      }),
      threshold: integer(
        'Failed checks, in all, at which the rollout is rolled back. Default 1; less than 1 means 1.',
        { max: 10_000 },
      ),
      ...strategy,
      primaryReadyThreshold: percent(
        'Percent of the pods of the primary that must be available. Default 100.',
      ),
      canaryReadyThreshold: percent(
        'Percent of the pods of the canary that must be available. Default 100.',
      ),
      metrics: list('Numbers that must stay within bounds.', metric, { max: 32 }),
      webhooks: list('Calls to the outside: gates, tests, loads.', webhook, { max: 32 }),
      alerts: list('Receivers of alerts.', alert, { max: 16 }),
      unknown,
      match: list('A/B test: requests that go to the canary. Not built yet.', match, { max: 16 }),
      mirror: flag('Copy requests to the canary before it gets any. Not built yet.'),
      mirrorWeight: integer('Percent of the requests that are copied. Not built yet.', {
        min: 0,
        max: 100,
      }),
      sessionAffinity,
    },
    rules: [
      {
        rule: '[has(self.iterations), has(self.stepWeight), has(self.stepWeights)].filter(given, given).size() <= 1',
        message: 'only one of iterations, stepWeight, stepWeights can be given',
      },
    ],
  },
);

export type RawAnalysis = Raw<typeof analysisSchema>;
export type RawMetric = Raw<typeof metric>;
export type RawWebhook = Raw<typeof webhook>;
export type RawAlert = Raw<typeof alert>;
