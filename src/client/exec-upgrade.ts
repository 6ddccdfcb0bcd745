// Opens a WebSocket and keeps what a plain WebSocket hides: why the server refused, and the socket beneath.
import type { Duplex } from 'node:stream';
import { type Dispatcher, WebSocket } from 'undici';
import type { Refusal } from './failure.ts';

export interface Upgrade {
  readonly socket: WebSocket;
  /** The server's answer when it was another than 101; null = none, or not yet. */
  refusal(): Omit<Refusal, 'tested'> | null;
  /** Why no answer came; null = one did, or may yet. */
  failure(): Error | null;
  /** Ends the connection at once, whatever its state. */
  destroy(): void;
}

export interface UpgradeRequest {
  readonly url: URL;
  readonly protocol: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

const REFUSAL_BYTES_MAX = 64 * 1024;

export function upgrade(dispatcher: Dispatcher, request: UpgradeRequest): Upgrade {
  const seen: Seen = { refusal: null, failure: null, beneath: null };
  const socket = new WebSocket(request.url, {
    protocols: request.protocol,
    headers: Object.entries(request.headers).flatMap(([name, value]) =>
      (typeof value === 'string' ? [value] : value).map((one): [string, string] => [name, one]),
    ),
    dispatcher: dispatcher.compose(
      (dispatch) => (options, handler) => dispatch(options, witness(handler, seen)),
    ),
  });
  socket.binaryType = 'arraybuffer';
  return {
    socket,
    refusal: () => seen.refusal,
    failure: () => seen.failure,
    destroy: () => {
      socket.close();
      seen.beneath?.destroy();
    },
  };
}

interface Seen {
  refusal: Omit<Refusal, 'tested'> | null;
  failure: Error | null;
  beneath: Duplex | null;
}

/** Reads a refusal to its end before the WebSocket hears of it, as that one would not let us finish. */
function witness(handler: Dispatcher.DispatchHandler, seen: Seen): Dispatcher.DispatchHandler {
  const parts: Buffer[] = [];
  let bytes = 0;
  let answer: { readonly code: number; readonly retryAfter: string | null } | null = null;
  const refused = (controller: Dispatcher.DispatchController, error: Error) => {
    if (answer !== null) seen.refusal = { ...answer, body: Buffer.concat(parts, bytes) };
    seen.failure = error;
    handler.onResponseError?.(controller, error);
  };
  return {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onRequestSent: () => handler.onRequestSent?.(),
    onBodySent: (chunk) => handler.onBodySent?.(chunk),
    onResponseStarted: () => handler.onResponseStarted?.(),
    onRequestUpgrade: (controller, code, headers, beneath) => {
      seen.beneath = beneath;
      return handler.onRequestUpgrade?.(controller, code, headers, beneath);
    },
    onResponseStart: (_, code, headers) => {
      if (code < 200) return;
      const retryAfter = headers['retry-after'];
      answer = {
        code,
        retryAfter: (Array.isArray(retryAfter) ? retryAfter[0] : retryAfter) ?? null,
      };
    },
    onResponseData: (controller, chunk) => {
      bytes += chunk.length;
      parts.push(chunk);
      if (bytes > REFUSAL_BYTES_MAX) controller.abort(new Error('the refusal is too long'));
    },
    onResponseEnd: (controller) => refused(controller, new Error('the server did not upgrade')),
    onResponseError: refused,
  };
}
