// What the client must know of a cluster before its first request.
import type { Credentials } from './credentials.ts';

export interface ClusterConfig {
  /** Base address; may have a path, as gateways in front of clusters do. */
  readonly server: URL;
  /** Namespace of the context or of the service account; `default` if neither says. */
  readonly namespace: string;
  readonly tlsServerName: string | null;
  readonly insecureSkipTlsVerify: boolean;
  readonly proxyUrl: string | null;
  readonly credentials: Credentials;
}

/** Configuration that cannot be used; the message says which file or flag and why. */
export class ConfigError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'ConfigError';
  }
}

/** Throws ConfigError, naming the flag or file that the text came from. */
export function serverUrl(text: string, origin: string): URL {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ConfigError(`${origin}: not the address of a server: ${text}`);
  }
  return url;
}
