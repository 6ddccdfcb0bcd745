// Whether the connections of a pool live, by their answers to the pings that the pool sends on each of them.
import { Client } from 'undici';
import type { Clock } from '../clock/clock.ts';

/** Between two pings on an HTTP/2 connection. */
export const PING_MS = 20_000;
/** A connection that has answered none of two pings is not known to live. */
const SILENT_MS = 45_000;

export class Heartbeat {
  readonly #clock: Clock;
  readonly #heardMs = new Map<Client, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A connection of the pool: heard of when it is made, and with each answer to a ping. */
  readonly factory = (origin: URL, options: object): Client => {
    const client = new Client(origin, options);
    const heard = (): void => void this.#heardMs.set(client, this.#clock.monotonicMs());
    client.on('connect', heard);
    // Not among undici's declared events; with HTTP/1.1 it never comes, and such a connection is soon not known to live.
    const events: NodeJS.EventEmitter = client;
    events.on('ping', heard);
    client.on('disconnect', () => this.#heardMs.delete(client));
    return client;
  };

  /** All connections that there are have been heard of lately, and there is one. */
  get lives(): boolean {
    const all = [...this.#heardMs.values()];
    return all.length > 0 && all.every((heardMs) => this.#clock.since(heardMs) <= SILENT_MS);
  }
}
