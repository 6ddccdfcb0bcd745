// The flags of `serin controller`, checked and made into settings.
import type { Clock } from '../clock/clock.ts';
import { type EgressPolicy, parseEgressRules } from '../egress/policy.ts';
import type { ConfigTracking } from '../reconcilers/cluster-view.ts';
import type { OperatorSettings } from '../reconcilers/operator.ts';
import { createLog, type Log, LOG_ENCODINGS, LOG_LEVELS } from '../recorder/log.ts';
import { routerFor } from '../routers/registry.ts';
import { type Invocation, number, oneOf, switched, text, texts, UsageError } from './command.ts';

export function settingsOf(invocation: Invocation): OperatorSettings {
  const defaultProvider = text(invocation, 'mesh-provider') ?? '';
  if (routerFor(defaultProvider) === null)
    throw new UsageError(`--mesh-provider: ${defaultProvider} is not built`);
  const selectorLabels = texts(invocation, 'selector-labels');
  if (selectorLabels.length === 0) throw new UsageError('--selector-labels names no label');
  return {
    namespaces: texts(invocation, 'namespace'),
    execEnabled: switched(invocation, 'enable-exec'),
    workers: number(invocation, 'threadiness', { min: 1, max: 256 }),
    defaultProvider,
    metricsServer: text(invocation, 'metrics-server') ?? '',
    selectorLabels,
    includePrefixes: texts(invocation, 'include-label-prefix'),
    configTracking: configTracking(invocation),
    allowCrossNamespace: switched(invocation, 'allow-cross-namespace-refs'),
  };
}

/** `--enable-config-tracking`, of the operator and of commands that look as it does. */
export function configTracking(invocation: Invocation): ConfigTracking {
  switch (oneOf(invocation, 'enable-config-tracking', ['true', 'false', 'configmaps'])) {
    case 'true':
      return 'all';
    case 'false':
      return 'none';
    case 'configmaps':
      return 'configmaps';
  }
}

export function egressPolicy(invocation: Invocation): EgressPolicy {
  const allow = parseEgressRules('--egress-allow', texts(invocation, 'egress-allow'));
  const deny = parseEgressRules('--egress-deny', texts(invocation, 'egress-deny'));
  const problem = [...allow.problems, ...deny.problems][0];
  if (problem !== undefined) throw new UsageError(`${problem.path}: ${problem.message}`);
  const inCluster = invocation.environment['KUBERNETES_SERVICE_HOST'] !== undefined;
  const loopback =
    inCluster && !switched(invocation, 'egress-allow-loopback') ? 'refused' : 'allowed';
  return { loopback, allow: allow.rules, deny: deny.rules };
}

export function logOf(invocation: Invocation, clock: Clock): Log {
  const level = LOG_LEVELS.find((each) => each === text(invocation, 'log-level'));
  const encoding = LOG_ENCODINGS.find((each) => each === text(invocation, 'log-encoding'));
  if (level === undefined) throw new UsageError(`--log-level is one of ${LOG_LEVELS.join(', ')}`);
  if (encoding === undefined)
    throw new UsageError(`--log-encoding is one of ${LOG_ENCODINGS.join(', ')}`);
  return createLog({ clock, level, encoding });
}
