// Every scenario, in the order of the table.
import type { Scenario } from '../scenario.ts';
import { hpa, hpaShrunk } from './autoscaled.ts';
import { crash13, crash20, crashWindows60 } from './crash.ts';
import { apiServerKilled, canaryDeleted, operatorKilled, prometheusAway } from './faults.ts';
import { errors, good, neverReady, slow } from './versions.ts';

export const SCENARIOS: readonly Scenario[] = [
  good,
  errors,
  slow,
  crash20,
  crash13,
  crashWindows60,
  neverReady,
  operatorKilled,
  apiServerKilled,
  prometheusAway,
  canaryDeleted,
  hpa,
  hpaShrunk,
];
