// What happened, as an onlooker saw it: versions of objects in the cluster's own order, and the operator's requests.
import { readFileSync } from 'node:fs';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { cluster } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import type { Journey } from './journey.ts';

/** Follows lists of objects until it is disposed of. Versions of all resources have one order: that of the store. */
export class Chronicle implements AsyncDisposable {
  readonly #over = new AbortController();
  readonly #versions: KubeObject[] = [];
  readonly #following: Promise<unknown>;

  constructor(walk: Journey, ...paths: readonly string[]) {
    this.#following = Promise.all(paths.map((path) => this.#follow(walk, path)));
  }

  /** Every version of an object that was seen, oldest first. */
  of<T extends KubeObject = KubeObject>(kind: T['kind'], name: string): readonly T[] {
    return this.#versions
      .filter((object) => object.kind === kind && object.metadata.name === name)
      .toSorted(
        (left, right) => versionOf(left) - versionOf(right),
      ) as readonly KubeObject[] as readonly T[];
  }

  /** The place in the cluster's history at which an object first was so; waits for it. */
  first<T extends KubeObject>(
    kind: T['kind'],
    name: string,
    so: (object: T) => boolean,
  ): Promise<number> {
    return until(`a version of ${kind} ${name} as asked`, () => {
      const found = this.of<T>(kind, name).find(so);
      return found === undefined ? null : versionOf(found);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#following;
  }

  async #follow(walk: Journey, path: string): Promise<void> {
    for await (const { object } of walk.api.follow(path, this.#over.signal))
      this.#versions.push(object);
  }
}

function versionOf(object: KubeObject): number {
  return Number(object.metadata.resourceVersion);
}

export interface Request {
  readonly verb: string;
  readonly uri: string;
  readonly at: number;
}

/** What the operator asked of the API server in the journey's namespace, watches and its lease aside. */
export function requestsOf({ namespace }: Journey): readonly Request[] {
  return readFileSync(cluster().auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.includes(`/namespaces/${namespace}/`) && line.endsWith('}'))
    .map(
      (line) =>
        JSON.parse(line) as {
          readonly verb: string;
          readonly requestURI: string;
          readonly requestReceivedTimestamp: string;
          readonly user: { readonly username: string };
        },
    )
    .filter(({ verb, requestURI, user }) => {
      return user.username === 'operator' && verb !== 'watch' && !requestURI.includes('/leases/');
    })
    .map(({ verb, requestURI: uri, requestReceivedTimestamp }) => ({
      verb,
      uri,
      at: Date.parse(requestReceivedTimestamp),
    }));
}

/** Waits until the operator has asked nothing for so long. */
export async function untilQuiet(walk: Journey, forMs: number): Promise<void> {
  await until(
    `${forMs} ms without a request of the operator`,
    () => {
      const last = requestsOf(walk).at(-1);
      return last !== undefined && Date.now() - last.at > forMs;
    },
    { limitMs: forMs + 20_000, everyMs: 250 },
  );
}
