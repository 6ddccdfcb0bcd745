// `serin get`: Canaries in a table, or followed line by line.
import { stringify } from 'yaml';
import { keyOf, type KubeObject } from '../api/kubernetes.ts';
import { RESOURCES } from '../client/resources.ts';
import { rfc3339 } from '../clock/time-format.ts';
import { stripManagedFields } from '../informers/transforms.ts';
import { type Cluster, openCluster } from './cluster.ts';
import {
  checkedName,
  CLUSTER_FLAGS,
  type Command,
  EXIT,
  type Invocation,
  oneOf,
  switched,
  UsageError,
} from './command.ts';
import { followCanaries } from './follow.ts';
import { age, type Row, rowOf } from './row.ts';
import { type Column, Table } from './table.ts';

const FORMS = ['table', 'wide', 'json', 'yaml'] as const;

export const get: Command = {
  name: 'get',
  usage: '[NAME] [-n NAMESPACE | -A] [-w] [-o wide|json|yaml]',
  summary: 'show Canaries: where they are, and why',
  flags: {
    ...CLUSTER_FLAGS,
    'all-namespaces': { type: 'boolean', short: 'A', default: false, help: 'of all namespaces' },
    watch: {
      type: 'boolean',
      short: 'w',
      default: false,
      help: 'go on and print a line at each change, until Ctrl-C',
    },
    output: {
      type: 'string',
      short: 'o',
      default: 'table',
      value: FORMS.join('|'),
      help: 'form of the output',
    },
  },
  async run(invocation) {
    const request = requestOf(invocation);
    await using cluster = await openCluster(invocation);
    return await getCanaries(cluster, request, invocation);
  },
};

export interface GetRequest {
  /** Null = all of the namespace. */
  readonly name: string | null;
  readonly everywhere: boolean;
  readonly watch: boolean;
  readonly form: (typeof FORMS)[number];
}

function requestOf(invocation: Invocation): GetRequest {
  const [name = null, ...more] = invocation.arguments;
  const everywhere = switched(invocation, 'all-namespaces');
  if (more.length > 0) throw new UsageError(`one NAME at a time, not also ${more.join(' ')}`);
  if (name !== null && everywhere)
    throw new UsageError('a NAME is of one namespace: give it without -A');
  return {
    name: name === null ? null : checkedName(name),
    everywhere,
    watch: switched(invocation, 'watch'),
    form: oneOf(invocation, 'output', FORMS),
  };
}

export type Output = Pick<Invocation, 'print' | 'complain' | 'columns' | 'signal'>;

/** Gives the exit code. Throws ApiError: a NAME that is not there, a grant that is missing. */
export async function getCanaries(
  cluster: Cluster,
  request: GetRequest,
  output: Output,
): Promise<number> {
  const objects = await read(cluster, request, output.signal);
  const printer = request.form === 'json' || request.form === 'yaml' ? raw : rows;
  const show = printer(cluster, request, output);
  show(objects, 'first');
  if (objects.length === 0) {
    const where = request.everywhere ? '' : ` in namespace ${cluster.namespace}`;
    output.complain(`no Canaries found${where}\n`);
  }
  if (!request.watch) return EXIT.done;
  await using following = followCanaries(cluster, scopeOf(cluster, request), {
    signal: output.signal,
    onWarning: (words) => output.complain(`serin get: ${words}\n`),
  });
  for (;;) {
    const changes = await following.next(60_000, output.signal);
    for (const { kind, object } of changes) show([object], kind);
  }
}

type Show = (objects: readonly KubeObject[], kind: 'first' | 'present' | 'gone') => void;

function scopeOf(
  cluster: Cluster,
  { name, everywhere }: GetRequest,
): { readonly namespace?: string; readonly name?: string } {
  return {
    ...(everywhere ? {} : { namespace: cluster.namespace }),
    ...(name === null ? {} : { name }),
  };
}

async function read(
  cluster: Cluster,
  { name, everywhere }: GetRequest,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const { client, namespace } = cluster;
  if (name !== null) return [await client.get(RESOURCES.canaries, { namespace, name }, { signal })];
  return listCanaries(cluster, everywhere ? {} : { namespace }, signal);
}

/** All Canaries of a namespace, or of all, in the order of their names. */
export async function listCanaries(
  { client }: Cluster,
  scope: { readonly namespace?: string },
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  const found: KubeObject[] = [];
  let next = '';
  do {
    const page = await client.list(RESOURCES.canaries, {
      ...scope,
      limit: 500,
      signal,
      ...(next === '' ? {} : { continue: next }),
    });
    found.push(...page.items);
    next = page.continue;
  } while (next !== '');
  return found.sort((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
}

/** Objects as they are stored. A watch prints one after the other. */
function raw(_cluster: Cluster, { form, name, watch }: GetRequest, output: Output): Show {
  const written = (value: unknown): string =>
    form === 'yaml' ? stringify(value) : `${JSON.stringify(value, null, 2)}\n`;
  const seen = new Map<string, string | undefined>();
  return (objects, kind) => {
    const plain = objects.map(stripManagedFields);
    const fresh = plain.filter((object) => {
      const { resourceVersion } = object.metadata;
      const same = kind !== 'gone' && seen.get(keyOf(object)) === resourceVersion;
      seen.set(keyOf(object), resourceVersion);
      return !same;
    });
    if (kind === 'first' && name === null && !watch)
      return output.print(written({ apiVersion: 'v1', kind: 'List', items: plain }));
    for (const object of fresh)
      output.print(`${form === 'yaml' && watch ? '---\n' : ''}${written(object)}`);
  };
}

function rows(cluster: Cluster, request: GetRequest, output: Output): Show {
  const table = new Table(columnsOf(request), output.columns);
  const shown = new Map<string, string>();
  let titled = false;
  return (objects, kind) => {
    const lines = objects.flatMap((object) => {
      const row = rowOf(object);
      const cells = cellsOf(kind === 'gone' ? { ...row, status: 'Deleted' } : row, '', request);
      const words = cells.join('\n');
      if (shown.get(keyOf(object)) === words) return [];
      shown.set(keyOf(object), words);
      return [cellsOf(kind === 'gone' ? { ...row, status: 'Deleted' } : row, when(row), request)];
    });
    if (lines.length === 0) return;
    output.print(titled ? lines.map((line) => table.add(line)).join('') : table.render(lines));
    titled = true;
  };

  /** A line of a watch says when it was printed; a line of a table how long it has been so. */
  function when(row: Row): string {
    const now = cluster.clock.now();
    return request.watch ? rfc3339(now).slice(11) : age(row.since, now);
  }
}

function columnsOf({ everywhere, watch, form }: GetRequest): readonly Column[] {
  const wide: readonly Column[] =
    form === 'wide'
      ? ['TARGET', 'PROVIDER', 'REVISION', 'PROMOTED', 'FAILED'].map((title) => ({ title }))
      : [];
  return [
    ...(everywhere ? [{ title: 'NAMESPACE' }] : []),
    { title: 'NAME' },
    { title: 'STATUS' },
    { title: 'WEIGHT' },
    { title: 'STEP', drop: 1 },
    { title: 'READY', drop: 3 },
    { title: watch ? 'AT' : 'SINCE', drop: 2 },
    ...wide,
    { title: 'REASON' },
  ];
}

function cellsOf(row: Row, at: string, { everywhere, form }: GetRequest): readonly string[] {
  const { namespace, name, status, weight, step, ready, reason } = row;
  const wide =
    form === 'wide' ? [row.target, row.provider, row.judged, row.promoted, row.failed] : [];
  return [
    ...(everywhere ? [namespace] : []),
    name,
    status,
    weight,
    step,
    ready,
    at,
    ...wide,
    reason,
  ];
}
