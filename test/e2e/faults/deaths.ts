// The operator killed by SIGKILL at chosen writes, and started again at once.
import type { Entry } from '../cluster/fault-proxy.ts';
import type { Disturbance } from './run.ts';

export interface Deaths {
  /** `after`: the write was obeyed, and its answer never arrives. `before`: it never reaches the API server. */
  readonly when: 'before' | 'after';
  readonly at: (deed: Entry) => boolean;
}

/** An operator that gets nothing done would die for ever. */
const DEATHS_MAX = 120;

export function deaths({ when, at }: Deaths): Disturbance {
  return (walk, proxy) => {
    let count = 0;
    proxy.hook({
      [when]: async (deed: Entry) => {
        if (!at(deed) || count >= DEATHS_MAX) return undefined;
        count += 1;
        await walk.operator.end('SIGKILL');
        walk.startOperator();
        return 'drop';
      },
    });
    return { count: () => count };
  };
}

/** After each write, but not again after one that says the same: such a one comes with every start until it is over. */
export function deathAfterEvery(): Disturbance {
  const seen = new Set<string>();
  const at = ({ call }: Entry): boolean => {
    const said = textOf(call);
    const first = !seen.has(said);
    seen.add(said);
    return first;
  };
  return deaths({ when: 'after', at });
}

/** At the first write of this number, counted over all lives. */
export function deathAt(when: Deaths['when'], number: number): Disturbance {
  return deaths({ when, at: ({ deed }) => deed === number });
}

export function textOf({ method, path, body }: Entry['call']): string {
  return `${method} ${path} ${body}`;
}
