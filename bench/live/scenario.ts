// What a live scenario is: what it is compared with, how it is walked, and what was measured.
import type { Journal } from './journal.ts';
import type { Ground } from './ground.ts';

export interface Scenario {
  /** As `--scenario` takes it. */
  readonly name: string;
  /** Its row in the table. */
  readonly row: string;
  /** What Flagger 1.44 did on the same kind of node. */
  readonly flagger: string;
  readonly goal: string;
  /** It disturbs others, or others would disturb its figures: nothing else runs beside it. */
  readonly alone: boolean;
  /** How often it is walked where nobody asks for more. */
  readonly times: number;
  /** `turn` counts from 0. */
  run(ground: Ground, turn: number): Promise<Measured>;
}

export type Figures = Readonly<Record<string, number | string | null>>;

export interface Measured {
  readonly reached: boolean;
  /** For people, in few words. */
  readonly says: string;
  readonly figures: Figures;
  readonly journal: Journal;
}
