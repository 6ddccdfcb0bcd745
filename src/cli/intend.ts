// `serin approve|abort|pause|resume|retry`: what a person wants of the revision under way, asked for by an annotation.
import type { IntentVerb } from '../api/canary.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { intentAnnotation, intentValue } from '../api/intents.ts';
import { parseCanary } from '../api/parse-canary.ts';
import { isApiError } from '../client/errors.ts';
import { RESOURCES } from '../client/resources.ts';
import { short } from '../decision/record.ts';
import { visible } from '../recorder/visible-text.ts';
import { type Cluster, openCluster } from './cluster.ts';
import {
  canaryName,
  CLUSTER_FLAGS,
  type Command,
  CommandError,
  duration,
  EXIT,
  revisionFlag,
  switched,
  text,
  UsageError,
} from './command.ts';
import { followCanaries } from './follow.ts';
import type { Output } from './get.ts';
import { effectOf, obstacleTo, takenAfter } from './intent-effect.ts';
import { look, USUAL_SETTINGS } from './look.ts';

const SUMMARIES: Readonly<Record<IntentVerb, string>> = {
  approve: 'open the gate before which a rollout stands',
  abort: 'give the revision under way up, and roll it back',
  pause: 'let a rollout stand still at its weight',
  resume: 'let a paused rollout go on',
  retry: 'try a revision again that was rolled back',
};

export const INTENTS: readonly Command[] = (
  ['approve', 'abort', 'pause', 'resume', 'retry'] as const
).map(command);

function command(verb: IntentVerb): Command {
  return {
    name: verb,
    usage: 'NAME [-n NAMESPACE] [--revision HEX] [--no-wait]',
    summary: SUMMARIES[verb],
    flags: {
      ...CLUSTER_FLAGS,
      revision: {
        type: 'string',
        value: 'HEX',
        help: 'only if this is the revision under way; at least 8 digits (default: what is)',
      },
      step: { type: 'string', value: 'N', help: 'only at this step (default: at any)' },
      'no-wait': {
        type: 'boolean',
        default: false,
        help: 'do not wait until the operator has taken it',
      },
      timeout: { type: 'string', default: '30s', value: 'DURATION', help: 'longest wait for that' },
    },
    async run(invocation) {
      const request: IntentRequest = {
        verb,
        name: canaryName(invocation),
        revision: revisionFlag(invocation),
        step: stepFlag(text(invocation, 'step')),
        wait: !switched(invocation, 'no-wait'),
        timeoutMs: duration(invocation, 'timeout'),
      };
      await using cluster = await openCluster(invocation);
      return await intend(cluster, request, invocation);
    },
  };
}

function stepFlag(given: string | undefined): number | null {
  if (given === undefined) return null;
  if (!/^(?:0|[1-9][0-9]{0,5})$/.test(given))
    throw new UsageError(`--step must be the number of a step, not "${given}"`);
  return Number(given);
}

export interface IntentRequest {
  readonly verb: IntentVerb;
  readonly name: string;
  readonly revision: string | null;
  readonly step: number | null;
  readonly wait: boolean;
  readonly timeoutMs: number;
}

/** Gives the exit code: 1 where it has no effect, 3 where no operator took it. */
export async function intend(
  cluster: Cluster,
  request: IntentRequest,
  output: Output,
): Promise<number> {
  const { client, namespace } = cluster;
  const { verb, name } = request;
  const { signal } = output;
  const key = { namespace, name };
  const object = await client.get(RESOURCES.canaries, key, { signal });
  const parsed = parseCanary(object, USUAL_SETTINGS);
  const obstacle = obstacleTo(verb, parsed);
  if (obstacle !== null) throw new CommandError(`Canary ${namespace}/${name}: ${obstacle}`);
  const revision = request.revision ?? (await revisionOf(cluster, object, signal));
  const value = intentValue(revision, request.step);
  const fieldManager = await fieldManagerOf(cluster, signal);
  await client.patch(
    RESOURCES.canaries,
    key,
    {
      type: 'merge',
      // The uid keeps this from reaching another Canary that took the name meanwhile.
      body: {
        metadata: { uid: object.metadata.uid, annotations: { [intentAnnotation(verb)]: value } },
      },
    },
    { signal, fieldManager },
  );
  const words = `${verb} of revision ${short(revision)}`;
  if (!request.wait) {
    output.print(`Canary ${namespace}/${name}: ${words} is asked for\n`);
    return EXIT.done;
  }
  const baseline = takenAfter(parsed.status, { verb, value });
  return awaitTaken(cluster, { ...request, value, words, since: baseline?.at ?? null }, output);
}

interface Asked extends IntentRequest {
  readonly value: string;
  readonly words: string;
  /** When the same words were taken before; null = never. */
  readonly since: number | null;
}

async function awaitTaken(cluster: Cluster, asked: Asked, output: Output): Promise<number> {
  const { clock, namespace } = cluster;
  const { verb, name, value, words, since, timeoutMs } = asked;
  const { signal, print, complain } = output;
  const start = clock.monotonicMs();
  await using following = followCanaries(cluster, { namespace, name }, { signal });
  for (;;) {
    const leftMs = timeoutMs - clock.since(start);
    if (leftMs <= 0) {
      complain(
        `Canary ${namespace}/${name}: no operator has taken ${words}; it stays asked for. Does one run for this namespace?\n`,
      );
      return EXIT.timedOut;
    }
    for (const { kind, object } of await following.next(leftMs, signal)) {
      if (kind === 'gone') throw new CommandError(`Canary ${namespace}/${name} was deleted`);
      const parsed = parseCanary(object, USUAL_SETTINGS);
      const taken = takenAfter(parsed.status, { verb, value, since });
      if (taken === null) continue;
      const effect = effectOf(verb, parsed, taken);
      const line = `Canary ${namespace}/${name}: ${visible(effect.words)}\n`;
      if (effect.had) print(line);
      else complain(line);
      return effect.had ? EXIT.done : EXIT.failed;
    }
  }
}

/** The revision that a person means who names none: the one under way, or the one that waits to begin. */
async function revisionOf(
  cluster: Cluster,
  object: KubeObject,
  signal: AbortSignal,
): Promise<string> {
  const { status } = parseCanary(object, USUAL_SETTINGS);
  if (status.phase !== 'Waiting') return status.lastAppliedSpec;
  // Of a revision that waits to begin the status says nothing yet: the target does.
  const { name } = object.metadata;
  const seen = await look(cluster, name, USUAL_SETTINGS, signal);
  const target = seen.kind === 'seen' ? seen.world.target : null;
  if (target !== null) return target.revision;
  const cause =
    seen.kind === 'partial'
      ? `you may not list and watch ${seen.unseen.join(', ')}, which it depends on`
      : 'there is no target';
  throw new CommandError(`the revision that waits cannot be told (${cause}): give --revision`);
}

const MANAGER_CHARS_MAX = 128;

/** `serin-cli:<user>`, so that the Canary's status can say who asked; `serin-cli` where the server does not tell. */
async function fieldManagerOf({ client }: Cluster, signal: AbortSignal): Promise<string> {
  const [group, version] = ['authentication.k8s.io', 'v1'];
  const kind = 'SelfSubjectReview';
  const resource = { group, version, plural: 'selfsubjectreviews', kind, namespaced: false };
  const review: KubeObject = { apiVersion: `${group}/${version}`, kind, metadata: { name: '' } };
  try {
    const answer = await client.create(resource, review, { signal, deadlineMs: 5_000 });
    const status = answer['status'] as { readonly userInfo?: { readonly username?: unknown } };
    const user = status.userInfo?.username;
    if (typeof user !== 'string' || !/^[\x21-\x7e]+$/.test(user)) return 'serin-cli';
    return `serin-cli:${user}`.slice(0, MANAGER_CHARS_MAX);
  } catch (error) {
    if (isApiError(error)) return 'serin-cli';
    throw error;
  }
}
