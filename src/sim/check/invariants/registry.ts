// All invariants that the checker states, each with its id; a new one is a guard and an entry here.
import type { Invariant } from '../invariant.ts';
import { settlesAndRests, stillWhenConverged } from './convergence.ts';
import { deletionLeavesService } from './deletion.ts';
import { drainedBeforeRetired } from './drain.ts';
import { oneEventEach } from './events.ts';
import { noLostEdit } from './fields.ts';
import { noSilentWait, rollbackInTime } from './liveness.ts';
import { oneCanaryEach, ownObjectsOnly } from './ownership.ts';
import { failureSparesPrimary, promotionGate } from './promotion.ts';
import { statusIsSmall, statusMovesForward } from './status.ts';
import { weightIsEarned } from './steps.ts';
import { readyBeforeWeight, weightsSum } from './traffic.ts';

export const INVARIANTS: readonly Invariant[] = [
  weightsSum,
  readyBeforeWeight,
  drainedBeforeRetired,
  promotionGate,
  weightIsEarned,
  failureSparesPrimary,
  ownObjectsOnly,
  noLostEdit,
  statusMovesForward,
  oneCanaryEach,
  deletionLeavesService,
  settlesAndRests,
  rollbackInTime,
  noSilentWait,
  stillWhenConverged,
  oneEventEach,
  statusIsSmall,
];
