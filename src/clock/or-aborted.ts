// A promise that a signal may cut short.

/**
 * What was promised, unless the signal ends before: then its reason is thrown, and the promise is left to itself. What
 * it comes to after that goes to `unwanted`.
 */
export async function orAborted<T>(
  promised: Promise<T>,
  signal: AbortSignal,
  unwanted: (late: T) => void = () => {},
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(signal.reason);
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([promised, promise]);
  } catch (error) {
    promised.then(unwanted, () => {});
    throw error;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
