// What goes through the work queue, and what the queue tells about it.

/** What a key waits for, most urgent first: a person's change, a look that was promised, the first listing. */
export const PRIORITIES = ['user', 'requeue', 'initial'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** A key handed to a worker; the worker owes `done(key)`. */
export interface Work {
  readonly key: string;
  readonly priority: Priority;
}

export interface RunningWork {
  /** Sum over the keys that workers hold now of how long each has been held. */
  readonly unfinishedMs: number;
  readonly longestMs: number;
}

/** Told as it happens and expected to be quick; every hook is optional. */
export interface WorkQueueObserver {
  /** Called once; `read` may be called at any time later. */
  attached?(read: () => RunningWork): void;
  /** How many keys are ready now at this priority. */
  depth?(priority: Priority, count: number): void;
  /** A key became ready or was marked to be looked at again. */
  added?(): void;
  /** A worker took a key that had been ready for so long. */
  taken?(readyMs: number): void;
  /** A worker gave a key back after so long. */
  finished?(workMs: number): void;
  /** A key was put off after a failure. */
  retried?(): void;
}

/** The more urgent of the two. */
export function higher(a: Priority, b: Priority): Priority {
  return PRIORITIES.indexOf(a) <= PRIORITIES.indexOf(b) ? a : b;
}
