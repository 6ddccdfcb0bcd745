// Counts what the operator asked of the API server, by the server's own audit log.
import { closeSync, openSync, readSync, statSync } from 'node:fs';

interface Line {
  readonly stage?: string;
  readonly verb?: string;
  readonly user?: { readonly username?: string };
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string };
}

export interface Requests {
  readonly total: number;
  /** `patch ingresses` -> how many. */
  readonly kinds: ReadonlyMap<string, number>;
}

/** Requests that have ended, but for watches, which last, and leases, which are the price of a leader and not of a Canary. */
export class AuditLog {
  readonly #file: string;
  readonly #kinds = new Map<string, number>();
  #offset = 0;
  #rest = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** From the beginning until now. */
  count(): Requests {
    this.#read();
    const total = [...this.#kinds.values()].reduce((sum, count) => sum + count, 0);
    return { total, kinds: new Map(this.#kinds) };
  }

  #read(): void {
    const size = statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0;
    if (size <= this.#offset) return;
    const bytes = Buffer.alloc(size - this.#offset);
    const file = openSync(this.#file, 'r');
    try {
      this.#offset += readSync(file, bytes, 0, bytes.length, this.#offset);
    } finally {
      closeSync(file);
    }
    const lines = (this.#rest + bytes.toString('utf8')).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#take(line);
  }

  #take(text: string): void {
    if (!text.includes('"operator"')) return;
    const { stage, verb = '?', user, objectRef = {} } = JSON.parse(text) as Line;
    const { resource = '?', subresource } = objectRef;
    if (user?.username !== 'operator' || stage !== 'ResponseComplete') return;
    if (verb === 'watch' || resource === 'leases') return;
    const kind = `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
  }
}

/** What came between two counts. */
export function between(before: Requests, after: Requests): Requests {
  const kinds = new Map(
    [...after.kinds]
      .map(([kind, count]) => [kind, count - (before.kinds.get(kind) ?? 0)] as const)
      .filter(([, count]) => count > 0)
      .toSorted(([, a], [, b]) => b - a),
  );
  return { total: after.total - before.total, kinds };
}
