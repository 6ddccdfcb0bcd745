// Programs that a test or a benchmark starts do not outlive it, however it ends.
import type { ChildProcess } from 'node:child_process';

/** Kills it when this program exits before it. */
export function endWithUs(child: ChildProcess): void {
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
}
