// The node's own programs, to be killed and brought back: the API server, etcd, Envoy, the kubelet and others.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeDir } from './node.ts';

export type Part = 'apiserver' | 'etcd' | 'envoy' | 'kubelet' | 'prometheus';

const LIMIT_MS = 30_000;

/** Ends it at once, with SIGKILL. */
export async function killPart(part: Part): Promise<void> {
  await nodeScript('kill', part);
}

/** Starts it again as it was started first; does not wait until it is ready. */
export async function bringBack(part: Part): Promise<void> {
  await nodeScript('restart', part);
}

async function nodeScript(command: string, part: Part): Promise<void> {
  const script = join(import.meta.dirname, 'node.sh');
  await promisify(execFile)(script, [command, nodeDir(), part, 'KILL'], { timeout: LIMIT_MS });
}
