// What pods of the real node said, as the container runtime wrote it down.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeDir } from './node.ts';

/** When the first pod said that it crashes, by the time that the container runtime put to its words. Since 1970; Infinity: none did. */
export function firstCrash(namespace: string): number {
  const root = join(nodeDir(), 'pod-logs/pods');
  const lines = readdirSync(root)
    .filter((pod) => pod.startsWith(`${namespace}_`))
    .flatMap((pod) =>
      readdirSync(join(root, pod, 'app')).map((file) => join(root, pod, 'app', file)),
    )
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => line.includes('crashes, as told'));
  return Math.min(...lines.map((line) => Date.parse(line.split(' ')[0] ?? '')));
}
