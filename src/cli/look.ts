// A live Canary as the operator sees it: the same reading, the same decision, and nothing written.
import type { Canary, ParsedCanary, Problem } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { canaryOf, parseCanary } from '../api/parse-canary.ts';
import { formatDuration } from '../api/duration.ts';
import { RESOURCES } from '../client/resources.ts';
import { startDeadline } from '../clock/deadline.ts';
import { check, type Violation } from '../decision/check.ts';
import { decide, decideUnreadable } from '../decision/decide.ts';
import type { Decision } from '../decision/decision.ts';
import type { World } from '../decision/world.ts';
import { ClusterView, type ConfigTracking } from '../reconcilers/cluster-view.ts';
import { ConfigBook } from '../reconcilers/config-book.ts';
import { observe, type ObserverParts } from '../reconcilers/observe.ts';
import { RouteMemory } from '../reconcilers/observe-traffic.ts';
import { SILENT } from '../recorder/log.ts';
import type { Cluster } from './cluster.ts';
import { configTracking } from './controller-settings.ts';
import { CommandError, type Flag, type Invocation, switched, text, texts } from './command.ts';

/** What the operator was told by its flags: a look with others may decide otherwise. */
export interface LookSettings {
  readonly defaultProvider: string;
  readonly execEnabled: boolean;
  readonly selectorLabels: readonly string[];
  readonly configTracking: ConfigTracking;
  readonly allowCrossNamespace: boolean;
}

export const LOOK_FLAGS = {
  'mesh-provider': {
    type: 'string',
    default: 'gatewayapi:v1',
    value: 'NAME',
    help: 'as given to the operator',
  },
  'enable-exec': { type: 'boolean', default: false, help: 'as given to the operator' },
  'selector-labels': {
    type: 'string',
    default: 'app,name,app.kubernetes.io/name',
    value: 'KEY,...',
    help: 'as given to the operator',
  },
  'enable-config-tracking': {
    type: 'string',
    default: 'true',
    value: 'true|false|configmaps',
    help: 'as given to the operator',
  },
  'allow-cross-namespace-refs': {
    type: 'boolean',
    default: false,
    help: 'as given to the operator',
  },
} as const satisfies Readonly<Record<string, Flag>>;

export const USUAL_SETTINGS: LookSettings = {
  defaultProvider: LOOK_FLAGS['mesh-provider'].default,
  execEnabled: true,
  selectorLabels: LOOK_FLAGS['selector-labels'].default.split(','),
  configTracking: 'all',
  allowCrossNamespace: false,
};

export function lookSettings(invocation: Invocation): LookSettings {
  return {
    defaultProvider: text(invocation, 'mesh-provider') ?? USUAL_SETTINGS.defaultProvider,
    execEnabled: switched(invocation, 'enable-exec'),
    selectorLabels: texts(invocation, 'selector-labels'),
    configTracking: configTracking(invocation),
    allowCrossNamespace: switched(invocation, 'allow-cross-namespace-refs'),
  };
}

export type Look = {
  readonly parsed: ParsedCanary;
  readonly problems: readonly Problem[];
} & (
  | {
      readonly kind: 'seen';
      readonly world: World;
      readonly decision: Decision;
      readonly violations: readonly Violation[];
    }
  /** The spec cannot be read: there is no world around it. */
  | { readonly kind: 'unreadable'; readonly decision: Decision }
  /** We may not read all that the operator may: a world with holes would tell lies, so there is none. */
  | { readonly kind: 'partial'; readonly unseen: readonly string[] }
);

const FILL_MS = 30_000;
const ROUNDS = 3;

/** Throws ApiError when there is no such Canary, CommandError when the cluster does not answer in 30 s. */
export async function look(
  cluster: Cluster,
  name: string,
  settings: LookSettings,
  signal: AbortSignal,
): Promise<Look> {
  const { client, clock, namespace } = cluster;
  const object = await client.get(RESOURCES.canaries, { namespace, name }, { signal });
  const canary = canaryOf(parseCanary(object, settings));
  const watching = new AbortController();
  using deadline = startDeadline(clock, FILL_MS, signal);
  const view = new ClusterView(
    {
      client,
      clock,
      log: SILENT,
      namespaces: [namespace],
      templateNamespaces: templateNamespaces(canary, namespace),
      configTracking: settings.configTracking,
      onChange: () => {},
    },
    watching.signal,
  );
  const stores = { ConfigMap: view.configMaps?.store ?? null, Secret: view.secrets?.store ?? null };
  const parts: ObserverParts = {
    view,
    book: new ConfigBook(client, stores),
    memory: new RouteMemory(),
    clock,
    defaultProvider: settings.defaultProvider,
    execEnabled: settings.execEnabled,
    selectorLabels: settings.selectorLabels,
    allowCrossNamespace: settings.allowCrossNamespace,
  };
  try {
    // Each round starts the watches of what it finds wanting: routes first, then pods.
    let seen: Look | null = null;
    for (let round = 0; round < ROUNDS || seen === null; round += 1) {
      await view.settled(deadline.signal);
      seen = await observed(parts, object, deadline.signal);
    }
    const unseen = view.forbidden();
    if (unseen.length === 0 || seen.kind !== 'seen') return seen;
    return { kind: 'partial', parsed: seen.parsed, problems: [], unseen };
  } catch (error) {
    if (!deadline.exceeded) throw error;
    const words = `the objects around Canary ${namespace}/${name} could not be read within ${formatDuration(FILL_MS)}`;
    throw new CommandError(words, undefined, { cause: error });
  } finally {
    watching.abort(new CommandError('the look is over'));
    await view.stopped();
  }
}

async function observed(
  parts: ObserverParts,
  object: KubeObject,
  signal: AbortSignal,
): Promise<Look | null> {
  const { namespace = '', name } = object.metadata;
  const subject = { key: `${namespace}/${name}`, object, answers: new Map(), clockSetMs: 0 };
  const seen = await observe(parts, subject, signal);
  switch (seen.kind) {
    case 'gone':
      throw new CommandError(`Canary ${namespace}/${name} is gone`);
    case 'filling':
      return null;
    case 'unreadable': {
      const { parsed } = seen.scene;
      const decision = decideUnreadable(parsed, { now: parts.clock.now() });
      return { kind: 'unreadable', parsed, decision, problems: parsed.problems };
    }
    case 'seen': {
      const { world, parsed } = seen.scene;
      const decision = decide(world);
      const { problems } = world;
      return {
        kind: 'seen',
        parsed,
        world,
        decision,
        problems,
        violations: check(world, decision),
      };
    }
  }
}

function templateNamespaces(canary: Canary | null, own: string): readonly string[] {
  const named = (canary?.spec.analysis.metrics ?? []).flatMap(({ origin }) =>
    origin.kind === 'template' ? [origin.ref.namespace] : [],
  );
  return [...new Set([own, ...named])];
}
