// PromQL of the builtin metrics. Placeholders are filled in when a query is asked.

/**
 * Share of requests without a 5xx, in percent. `or vector(0)` makes a canary that only fails 0 rather than no data; no
 * traffic gives 0/0, which is NaN, and no series at all gives no data: neither is a pass.
 */
function successRate(series: string, matchers: string): string {
  return `100 *
(sum(rate(${series}{${matchers},status!~"5.*"}[{{ interval }}])) or vector(0))
/
sum(rate(${series}{${matchers}}[{{ interval }}]))`;
}

/**
 * Pods of the target itself: `<target>-<replica set>-<pod>`. The two parts hold no dash, so that the pods
 * `<target>-primary-<replica set>-<pod>` do not match.
 */
const OWN_PODS = 'namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"';

/** From what the application itself measures, as Prometheus client libraries and podinfo name it. */
export const APP_QUERIES: Readonly<Record<string, string>> = {
  'request-success-rate': successRate('http_request_duration_seconds_count', OWN_PODS),
  'request-duration': `1000 * histogram_quantile(0.99,
sum by (le) (rate(http_request_duration_seconds_bucket{${OWN_PODS}}[{{ interval }}])))`,
};

/**
 * Requests that ingress-nginx sent to the canary Service. Its label names the alternative upstream
 * (`<namespace>-<service>-<port>`); any other value would count the canaries of other applications on the same Ingress.
 */
const TO_CANARY =
  'namespace="{{ namespace }}",ingress="{{ ingress }}",canary=~"{{ namespace }}-{{ service }}-canary-.+"';

/** The duration is a mean, as in Flagger, of the time in which the application answered, slow clients left aside. */
export const NGINX_QUERIES: Readonly<Record<string, string>> = {
  'request-success-rate': successRate('nginx_ingress_controller_requests', TO_CANARY),
  'request-duration': `1000 *
sum(rate(nginx_ingress_controller_response_duration_seconds_sum{${TO_CANARY}}[{{ interval }}]))
/
sum(rate(nginx_ingress_controller_response_duration_seconds_count{${TO_CANARY}}[{{ interval }}]))`,
};
