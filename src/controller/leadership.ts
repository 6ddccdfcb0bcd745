// What the parts that act must know of the election, and how a write fails that may not be sent any more.

export interface Leadership {
  /** Resolves once this replica leads; rejects with the signal's reason. */
  won(signal: AbortSignal): Promise<void>;
  /** Ends when it leads no more. */
  readonly lost: AbortSignal;
}

/** A write was not sent, as this replica may not act any more. */
export class LeaseLapsed extends Error {
  readonly code = 'lease-lapsed';
  readonly retry = 'never';

  constructor(why: string) {
    super(`no write without the lease: ${why}`);
    this.name = 'LeaseLapsed';
  }
}
