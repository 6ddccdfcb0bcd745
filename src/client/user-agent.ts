// How Serin names itself to servers: also the default manager of fields in audit logs.
import { arch, platform } from 'node:os';

/** `serin/0.1.0 (linux/x64) node/v24.21.0`. Not `curl`: the API server would indent its answers. */
export function userAgent(version: string): string {
  return `serin/${version} (${platform()}/${arch()}) node/${process.version}`;
}
