// Waiting for something that may not heed a signal by itself.

/** The promise, or the signal's reason as soon as that ends; what comes later is `unwanted`. */
export function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  unwanted: (value: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    let left = false;
    const end = () => {
      left = true;
      reject(signal.reason);
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    promise
      .finally(() => signal.removeEventListener('abort', end))
      .then((value) => (left ? unwanted(value) : resolve(value)), reject);
  });
}
