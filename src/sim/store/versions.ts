// resourceVersions that callers name: read, and waited for as a server does that has not got there yet.
import type { Clock } from '../../clock/clock.ts';
import type { ModelStore } from './model-store.ts';
import { badRequest, tooLarge } from './refusals.ts';

/** A server waits for a version for so long. */
const PATIENCE_MS = 3000;

/** 0 for what means "any". */
export function versionOf(attempt: string, resourceVersion: string | undefined): number {
  if (resourceVersion === undefined || resourceVersion === '') return 0;
  if (/^\d+$/.test(resourceVersion)) return Number(resourceVersion);
  throw badRequest(attempt, `resourceVersion: Invalid value: "${resourceVersion}": invalid`);
}

export async function reached(
  { store, clock }: { readonly store: ModelStore; readonly clock: Clock },
  wanted: number,
  how: { readonly attempt: string; readonly signal: AbortSignal },
): Promise<void> {
  if (wanted <= store.revision) return;
  await clock.sleep(PATIENCE_MS, how.signal);
  if (wanted > store.revision) throw tooLarge(how.attempt, wanted, store.revision);
}
