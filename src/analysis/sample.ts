// What one query came to: a number, or the reason why there is none.

export type NoSampleReason =
  | 'NoData'
  | 'NotANumber'
  | 'SeveralSeries'
  | 'BadAnswer'
  | 'Unreachable'
  | 'Refused'
  | 'Timeout'
  | 'BadQuery';

/** `none`: an answer that holds no number, or no answer at all. Never a pass, never a fail. */
export type Sample =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'none'; readonly reason: NoSampleReason; readonly message: string };
