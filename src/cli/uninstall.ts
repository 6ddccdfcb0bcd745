// `serin uninstall`: lets all Canaries go, each with its traffic handed back first, before the operator is taken away.
import { FINALIZER } from '../api/canary.ts';
import { formatDuration } from '../api/duration.ts';
import { keyOf, type KubeObject } from '../api/kubernetes.ts';
import { parseCanary } from '../api/parse-canary.ts';
import { startDeadline } from '../clock/deadline.ts';
import { isApiError } from '../client/errors.ts';
import { RESOURCES } from '../client/resources.ts';
import { type Cluster, openCluster } from './cluster.ts';
import {
  CLUSTER_FLAGS,
  type Command,
  CommandError,
  duration,
  EXIT,
  switched,
  texts,
  UsageError,
} from './command.ts';
import { type Following, followCanaries } from './follow.ts';
import { listCanaries, type Output } from './get.ts';
import { storyOf } from './row.ts';

export const uninstall: Command = {
  name: 'uninstall',
  usage: '[-n NAMESPACE,...] --yes [--timeout 15m]',
  summary: 'delete all Canaries, each once its target serves again; then the operator may go',
  flags: {
    ...CLUSTER_FLAGS,
    namespace: {
      ...CLUSTER_FLAGS.namespace,
      multiple: true,
      value: 'NAME,...',
      help: 'only in these namespaces (default: all)',
    },
    yes: { type: 'boolean', default: false, help: 'do it; without, only say what would be done' },
    timeout: { type: 'string', default: '15m', value: 'DURATION', help: 'longest wait for all' },
  },
  async run(invocation) {
    if (invocation.arguments.length > 0)
      throw new UsageError('it takes no NAME: kubectl delete canary NAME lets one go');
    const request: UninstallRequest = {
      namespaces: texts(invocation, 'namespace'),
      yes: switched(invocation, 'yes'),
      timeoutMs: duration(invocation, 'timeout'),
    };
    await using cluster = await openCluster(invocation);
    return await uninstallAll(cluster, request, invocation);
  },
};

export interface UninstallRequest {
  /** Empty = all. */
  readonly namespaces: readonly string[];
  readonly yes: boolean;
  readonly timeoutMs: number;
}

/** An operator answers a deletion within a second; one that has just started within some more. */
const OPERATOR_ANSWERS_MS = 30_000;

/** Gives the exit code: 3 when some are left after the timeout. */
export async function uninstallAll(
  cluster: Cluster,
  { namespaces, yes, timeoutMs }: UninstallRequest,
  output: Output,
): Promise<number> {
  const { print, signal } = output;
  const found = await canariesOf(cluster, namespaces, signal);
  if (found.length === 0) {
    print('there are no Canaries: the operator may go\n');
    return EXIT.done;
  }
  if (!yes) {
    print(found.map((canary) => `would delete Canary ${keyOf(canary)}\n`).join(''));
    print('nothing was done: repeat it with --yes\n');
    return EXIT.usage;
  }
  const start = cluster.clock.monotonicMs();
  const leftMs = (): number => timeoutMs - cluster.clock.since(start);
  await using following = followCanaries(cluster, { namespaces }, { signal });
  using deadline = startDeadline(cluster.clock, leftMs(), signal);
  // A deletion that is over before anybody looks would be waited for in vain.
  const canaries = (await following.filled(deadline.signal)).toSorted(byKey);
  const left = new Left(canaries, print);
  // One first: without an operator the others are not touched, and can go on as if nothing had been asked.
  const probe = canaries.find(isHeld);
  if (probe !== undefined) {
    await remove(cluster, probe, signal);
    const waitMs = Math.min(OPERATOR_ANSWERS_MS, leftMs());
    if (!(await answered(cluster, { probe, following, left, waitMs }, signal)))
      throw noOperator(probe);
  }
  for (const canary of canaries) if (canary !== probe) await remove(cluster, canary, signal);
  while (left.size > 0) {
    if (leftMs() <= 0) {
      output.complain(`after ${formatDuration(timeoutMs)} there are left:\n${left.words()}`);
      output.complain('keep the operator running until they are gone\n');
      return EXIT.timedOut;
    }
    left.take(await following.next(leftMs(), signal));
  }
  print('all Canaries are gone: the operator may go\n');
  return EXIT.done;
}

function byKey(left: KubeObject, right: KubeObject): number {
  return keyOf(left) < keyOf(right) ? -1 : 1;
}

async function canariesOf(
  cluster: Cluster,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const scopes = namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }));
  const found: KubeObject[] = [];
  for (const scope of scopes) {
    try {
      found.push(...(await listCanaries(cluster, scope, signal)));
    } catch (error) {
      // Without the CRD there are none.
      if (!isApiError(error, 'not-found')) throw error;
    }
  }
  return found;
}

/** Canaries that are not gone yet, and what was last said of each. */
class Left {
  readonly #objects: Map<string, KubeObject>;
  readonly #said = new Map<string, string>();
  readonly #print: (text: string) => void;

  constructor(objects: readonly KubeObject[], print: (text: string) => void) {
    this.#objects = new Map(objects.map((object) => [object.metadata.uid ?? '', object]));
    this.#print = print;
  }

  get size(): number {
    return this.#objects.size;
  }

  has(object: KubeObject): boolean {
    return this.#objects.has(object.metadata.uid ?? '');
  }

  take(changes: Awaited<ReturnType<Following['next']>>): void {
    for (const { kind, object } of changes) {
      const uid = object.metadata.uid ?? '';
      if (!this.#objects.has(uid)) continue;
      if (kind === 'gone') {
        this.#objects.delete(uid);
        this.#say(object, 'gone');
        continue;
      }
      this.#objects.set(uid, object);
      if (object.metadata.deletionTimestamp !== undefined) this.#say(object, wordsOf(object));
    }
  }

  words(): string {
    return [...this.#objects.values()]
      .map((object) => `  ${keyOf(object)}: ${wordsOf(object)}\n`)
      .join('');
  }

  #say(object: KubeObject, words: string): void {
    const key = keyOf(object);
    if (this.#said.get(key) === words) return;
    this.#said.set(key, words);
    this.#print(`${key}: ${words}\n`);
  }
}

function wordsOf(object: KubeObject): string {
  const parsed = parseCanary(object, { defaultProvider: '' });
  return storyOf(parsed);
}

/** Only with our finalizer does its deletion wait for an operator. */
function isHeld(object: KubeObject): boolean {
  return (object.metadata.finalizers ?? []).includes(FINALIZER);
}

async function remove(
  { client }: Cluster,
  { metadata }: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace = '', uid } = metadata;
  if (metadata.deletionTimestamp !== undefined) return;
  try {
    const precondition = uid === undefined ? {} : { uid };
    await client.delete(RESOURCES.canaries, { namespace, name }, { signal, ...precondition });
  } catch (error) {
    if (!isApiError(error, 'not-found', 'conflict')) throw error;
  }
}

interface Probing {
  readonly probe: KubeObject;
  readonly following: Following;
  readonly left: Left;
  readonly waitMs: number;
}

/** Whether an operator took the deletion up: the Canary says Terminating, or is gone. */
async function answered(
  { clock }: Cluster,
  { probe, following, left, waitMs }: Probing,
  signal: AbortSignal,
): Promise<boolean> {
  const start = clock.monotonicMs();
  for (;;) {
    const leftMs = waitMs - clock.since(start);
    if (leftMs <= 0) return false;
    const changes = await following.next(leftMs, signal);
    left.take(changes);
    const took = changes.some(({ object }) => {
      const { status, spec } = parseCanary(object, { defaultProvider: '' });
      const mine = object.metadata.uid === probe.metadata.uid;
      return mine && (status.phase === 'Terminating' || (spec === null && !isHeld(object)));
    });
    if (took || !left.has(probe)) return true;
  }
}

function noOperator(probe: KubeObject): CommandError {
  const { namespace = '', name } = probe.metadata;
  return new CommandError(
    [
      `no operator took the deletion of Canary ${namespace}/${name} up; the other Canaries were not touched.`,
      'Start the operator (serin controller) and run this again: it then hands the traffic back.',
      'Without one: make sure that the target has pods and that the Service selects them, then let the Canary go by',
      `  kubectl patch canary ${name} -n ${namespace} --type merge -p '{"metadata":{"finalizers":null}}'`,
      'The primary and the route, which the Canary owns, are then deleted with it.',
    ].join('\n'),
  );
}
