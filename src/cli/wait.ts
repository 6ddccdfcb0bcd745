// `serin wait`: until a Canary is where a pipeline wants it, with an exit code that tells what happened.
import type { KubeObject } from '../api/kubernetes.ts';
import { isApiError } from '../client/errors.ts';
import { RESOURCES } from '../client/resources.ts';
import { formatDuration } from '../api/duration.ts';
import { parseCanary } from '../api/parse-canary.ts';
import { type Cluster, openCluster } from './cluster.ts';
import {
  canaryName,
  CLUSTER_FLAGS,
  type Command,
  CommandError,
  duration,
  EXIT,
  oneOf,
  revisionFlag,
} from './command.ts';
import { followCanaries } from './follow.ts';
import type { Output } from './get.ts';
import { GOALS, type Outcome, outcomeOf, type Wish } from './outcome.ts';

export const wait: Command = {
  name: 'wait',
  usage: 'NAME [--for promoted|failed|initialized|ready] [--timeout 10m] [--revision HEX]',
  summary: 'wait until a rollout has ended: 0 reached, 1 the opposite, 3 too late',
  flags: {
    ...CLUSTER_FLAGS,
    for: {
      type: 'string',
      default: 'promoted',
      value: GOALS.join('|'),
      help: 'what to wait for; promoted and failed speak of what the target holds now',
    },
    timeout: {
      type: 'string',
      default: '10m',
      value: 'DURATION',
      help: 'longest wait; 0 = one look',
    },
    revision: {
      type: 'string',
      value: 'HEX',
      help: 'a revision in place of what the target holds; at least 8 digits',
    },
  },
  async run(invocation) {
    const name = canaryName(invocation);
    const wish = {
      goal: oneOf(invocation, 'for', GOALS),
      revision: revisionFlag(invocation),
    };
    const timeoutMs = duration(invocation, 'timeout');
    await using cluster = await openCluster(invocation);
    return await waitFor(cluster, { name, wish, timeoutMs }, invocation);
  },
};

export interface WaitRequest {
  readonly name: string;
  readonly wish: Wish;
  readonly timeoutMs: number;
}

/** The target is looked at again after this long, though nothing was told of the Canary. */
const LOOK_AGAIN_MS = 1_000;
/** Only in these is anything decided; in others the target need not be asked for. */
const RESTING: readonly string[] = ['Initialized', 'Succeeded', 'Failed'];

/** Gives the exit code. Progress goes to stderr, the end to stdout. */
export async function waitFor(
  cluster: Cluster,
  { name, wish, timeoutMs }: WaitRequest,
  output: Output,
): Promise<number> {
  const { client, clock, namespace } = cluster;
  const { signal, print, complain } = output;
  const start = clock.monotonicMs();
  const key = { namespace, name };
  let object: KubeObject | null = await client.get(RESOURCES.canaries, key, { signal });
  await using following = followCanaries(cluster, key, { signal });
  let told = '';
  for (;;) {
    if (object === null) {
      complain(`Canary ${namespace}/${name} was deleted\n`);
      return EXIT.failed;
    }
    const outcome = await judged(cluster, object, { wish, signal }).catch(stillWaiting);
    switch (outcome.kind) {
      case 'reached':
        print(`Canary ${namespace}/${name}: ${outcome.why}\n`);
        return EXIT.done;
      case 'opposite':
        complain(`Canary ${namespace}/${name}: ${outcome.why}\n`);
        return EXIT.failed;
      case 'waiting':
        if (told !== outcome.why) complain(`${outcome.why}\n`);
        told = outcome.why;
    }
    const leftMs = timeoutMs - clock.since(start);
    if (leftMs <= 0) {
      const words = `Canary ${namespace}/${name} is not ${wish.goal} after ${formatDuration(timeoutMs)}`;
      complain(`${words}: ${outcome.why}\n`);
      return EXIT.timedOut;
    }
    for (const change of await following.next(Math.min(LOOK_AGAIN_MS, leftMs), signal))
      object = change.kind === 'gone' ? null : change.object;
  }
}

/** An API server that is away for a moment says nothing of the rollout. */
function stillWaiting(error: unknown): Outcome {
  if (!isApiError(error, 'transient', 'too-many-requests')) throw error;
  return { kind: 'waiting', why: error.message };
}

/** The target is read after the Canary: an outcome for its generation is then of now, not of before. */
async function judged(
  cluster: Cluster,
  object: KubeObject,
  { wish, signal }: { readonly wish: Wish; readonly signal: AbortSignal },
): Promise<Outcome> {
  const speaks = wish.goal === 'promoted' || wish.goal === 'failed';
  const generation =
    speaks && wish.revision === null ? await targetGeneration(cluster, object, signal) : null;
  return outcomeOf(object, generation, wish);
}

async function targetGeneration(
  { client, namespace }: Cluster,
  object: KubeObject,
  signal: AbortSignal,
): Promise<number | null> {
  const { spec, status } = parseCanary(object, { defaultProvider: '' });
  if (spec === null || !RESTING.includes(status.phase)) return null;
  const { apiVersion, kind, name } = spec.targetRef;
  const resource = await client.resourceFor(apiVersion, kind, { signal });
  if (resource === null)
    throw new CommandError(`this cluster does not serve ${kind} ${apiVersion}`);
  try {
    const target = await client.get(resource, { namespace, name }, { signal });
    return target.metadata.generation ?? null;
  } catch (error) {
    if (isApiError(error, 'not-found')) return null;
    throw error;
  }
}
