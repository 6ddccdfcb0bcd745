// Who we are to the API server: tokens and certificates that are read again while the operator runs.
import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock/clock.ts';

/** PEM texts. The same object for as long as nothing changed, so that connections can be keyed by it. */
export interface TlsMaterial {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

export interface Credential {
  /** Authorization and impersonation. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly tls: TlsMaterial;
}

export interface Credentials {
  /** What to use now; cached, so it may be asked before every request. Throws if nothing usable was ever read. */
  current(signal: AbortSignal): Promise<Credential>;
  /** The server refused this credential with 401: what is cached of it is read again before the next request. */
  refuse(credential: Credential): void;
}

export type Source =
  | { readonly kind: 'none' }
  | { readonly kind: 'value'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string };

export interface CredentialSources {
  readonly token: Source;
  readonly basic: { readonly username: string; readonly password: string } | null;
  readonly ca: Source;
  readonly cert: Source;
  readonly key: Source;
  readonly impersonation: Readonly<Record<string, string | readonly string[]>>;
}

/** A projected token lives an hour or less and is replaced at 80 % of it. */
const TOKEN_REREAD_MS = 60_000;
const CERTIFICATE_REREAD_MS = 300_000;

/** Credentials of values and files; files are read again every 60 s (tokens) or 5 min (certificates). */
export function sourceCredentials(sources: CredentialSources, clock: Clock): Credentials {
  return new SourceCredentials(sources, clock);
}

class SourceCredentials implements Credentials {
  readonly #sources: CredentialSources;
  readonly #token: Reread;
  readonly #ca: Reread;
  readonly #cert: Reread;
  readonly #key: Reread;
  #last: Credential | null = null;

  constructor(sources: CredentialSources, clock: Clock) {
    this.#sources = sources;
    this.#token = new Reread(sources.token, TOKEN_REREAD_MS, clock);
    this.#ca = new Reread(sources.ca, CERTIFICATE_REREAD_MS, clock);
    this.#cert = new Reread(sources.cert, CERTIFICATE_REREAD_MS, clock);
    this.#key = new Reread(sources.key, CERTIFICATE_REREAD_MS, clock);
  }

  async current(signal: AbortSignal): Promise<Credential> {
    const [token, ca, cert, key] = await Promise.all([
      this.#token.read(signal),
      this.#ca.read(signal),
      this.#cert.read(signal),
      this.#key.read(signal),
    ]);
    const headers = { ...this.#sources.impersonation, ...authorization(token, this.#sources) };
    this.#last = unchanged(this.#last, headers, { ca, cert, key });
    return this.#last;
  }

  refuse(credential: Credential): void {
    if (credential !== this.#last) return; // already replaced: another call was refused too
    this.#token.drop();
    this.#cert.drop();
    this.#key.drop();
  }
}

/** Keeps the identity of what did not change. */
export function unchanged(
  last: Credential | null,
  headers: Credential['headers'],
  tls: TlsMaterial,
): Credential {
  if (last === null) return { headers, tls };
  const sameTls = last.tls.ca === tls.ca && last.tls.cert === tls.cert && last.tls.key === tls.key;
  const sameHeaders = JSON.stringify(last.headers) === JSON.stringify(headers);
  if (sameTls && sameHeaders) return last;
  return { headers, tls: sameTls ? last.tls : tls };
}

function authorization(token: string | null, sources: CredentialSources): Record<string, string> {
  if (token !== null) return { authorization: `Bearer ${token}` };
  if (sources.basic === null) return {};
  const { username, password } = sources.basic;
  return {
    authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
  };
}

/** One text that is read again when it has aged. A file that cannot be read keeps its last content. */
class Reread {
  readonly #source: Source;
  readonly #ageMsMax: number;
  readonly #clock: Clock;
  #text: string | null = null;
  #readAtMs = 0;

  constructor(source: Source, ageMsMax: number, clock: Clock) {
    this.#source = source;
    this.#ageMsMax = ageMsMax;
    this.#clock = clock;
  }

  async read(signal: AbortSignal): Promise<string | null> {
    if (this.#source.kind === 'none') return null;
    if (this.#source.kind === 'value') return this.#source.text;
    if (this.#text !== null && this.#clock.since(this.#readAtMs) < this.#ageMsMax)
      return this.#text;
    // Stamped before reading, so that a broken file is tried once an age and not with every request.
    this.#readAtMs = this.#clock.monotonicMs();
    try {
      const text = (await readFile(this.#source.path, { encoding: 'utf8', signal })).trim();
      if (text === '') throw new Error(`${this.#source.path} is empty`);
      this.#text = text;
    } catch (error) {
      signal.throwIfAborted();
      if (this.#text === null) throw error;
    }
    return this.#text;
  }

  drop(): void {
    this.#readAtMs = Number.NEGATIVE_INFINITY;
  }
}
