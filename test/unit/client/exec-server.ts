// A server that speaks WebSocket frames by hand, so that a test can break them, stall, refuse, or say less than it should.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Certificate } from './fake-server.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const [CONTINUATION, BINARY, CLOSE, PING, PONG] = [0x0, 0x2, 0x8, 0x9, 0xa] as const;

/** What the client sent: a message of its channel, or `closed`. */
export type Sent = { readonly channel: number; readonly content: Buffer };

/** One upgraded connection, as the API server holds it. */
export class Exec {
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly sent: Sent[] = [];
  pings = 0;
  ended = false;
  /** Set to false to keep silent when asked for a sign of life. */
  pongs = true;
  readonly #socket: Socket;
  #pending = Buffer.alloc(0);

  constructor(request: IncomingMessage, socket: Socket) {
    this.url = new URL(request.url ?? '', 'http://exec.test');
    this.headers = request.headers;
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.ended = true;
    });
  }

  say(channel: number, content: Buffer | string): void {
    this.#frame(0x80 | BINARY, Buffer.concat([Buffer.of(channel), Buffer.from(content)]));
  }

  /** One message in frames of so many bytes. */
  sayInPieces(channel: number, content: string, bytes: number): void {
    const message = Buffer.concat([Buffer.of(channel), Buffer.from(content)]);
    for (let from = 0; from < message.length; from += bytes) {
      const last = from + bytes >= message.length ? 0x80 : 0;
      const opcode = from === 0 ? BINARY : CONTINUATION;
      this.#frame(last | opcode, message.subarray(from, from + bytes));
    }
  }

  /** As the API server ends: the Status, then the closing handshake. */
  exit(code: number): void {
    const message = `command terminated with non-zero exit code: exit ${code}`;
    const causes = [{ reason: 'ExitCode', message: String(code) }];
    this.end(
      code === 0
        ? { metadata: {}, status: 'Success' }
        : {
            metadata: {},
            status: 'Failure',
            reason: 'NonZeroExitCode',
            message,
            details: { causes },
          },
    );
  }

  end(status: object | null): void {
    if (status !== null) this.say(3, JSON.stringify(status));
    this.#frame(0x80 | CLOSE, Buffer.of(0x03, 0xe8));
  }

  drop(): void {
    this.#socket.destroy();
  }

  /** What came over stdin. */
  get stdin(): Buffer {
    return Buffer.concat(
      this.sent.filter(({ channel }) => channel === 0).map((one) => one.content),
    );
  }

  #frame(first: number, content: Buffer): void {
    const { length } = content;
    const head =
      length < 126
        ? Buffer.of(first, length)
        : length < 65_536
          ? Buffer.of(first, 126, length >> 8, length & 0xff)
          : Buffer.concat([Buffer.of(first, 127, 0, 0, 0, 0), uint32(length)]);
    this.#socket.write(Buffer.concat([head, content]));
  }

  #read(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    for (let frame = this.#next(); frame !== null; frame = this.#next()) {
      const { opcode, content } = frame;
      if (opcode === CLOSE) this.#socket.end();
      if (opcode === PING) {
        this.pings++;
        if (this.pongs) this.#frame(0x80 | PONG, content);
      }
      if (opcode === BINARY)
        this.sent.push({ channel: content[0] ?? -1, content: content.subarray(1) });
    }
  }

  #next(): { readonly opcode: number; readonly content: Buffer } | null {
    const all = this.#pending;
    const short = (all[1] ?? 0) & 0x7f;
    const headBytes = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + 4;
    if (all.length < headBytes) return null;
    const length =
      short === 126 ? all.readUInt16BE(2) : short === 127 ? all.readUInt32BE(6) : short;
    if (all.length < headBytes + length) return null;
    const mask = all.subarray(headBytes - 4, headBytes);
    const content = all
      .subarray(headBytes, headBytes + length)
      .map((b, i) => b ^ (mask[i % 4] ?? 0));
    this.#pending = all.subarray(headBytes + length);
    return { opcode: (all[0] ?? 0) & 0x0f, content: Buffer.from(content) };
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export class ExecServer implements AsyncDisposable {
  readonly execs: Exec[] = [];
  /** Requests to upgrade, agreed to or not. */
  asked: IncomingMessage[] = [];
  /** What is done with a command. */
  run: (exec: Exec) => void = (exec) => exec.exit(0);
  /** Set to answer with this instead of 101; `stall` never answers. */
  refuse: ((asked: number) => Answer | null) | 'stall' = () => null;
  protocol = 'v5.channel.k8s.io';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #scheme: string;

  constructor(tls: Certificate | null = null) {
    this.#scheme = tls === null ? 'http' : 'https';
    this.#server = tls === null ? createServer() : createSecureServer(tls);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request, socket) => this.#upgrade(request, socket as Socket));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #upgrade(request: IncomingMessage, socket: Socket): void {
    socket.on('error', () => {});
    this.asked.push(request);
    socket.on('end', () => socket.end());
    if (this.refuse === 'stall') {
      socket.resume(); // else its end would not be seen
      return;
    }
    const answer = this.refuse(this.asked.length);
    if (answer !== null) {
      const head = { 'content-length': String(answer.body.length), ...answer.headers };
      const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 ${answer.code} No\r\n${lines.join('')}\r\n${answer.body}`);
      return;
    }
    const key = `${request.headers['sec-websocket-key'] ?? ''}${GUID}`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${this.protocol}\r\n\r\n`,
    );
    const exec = new Exec(request, socket);
    this.execs.push(exec);
    this.run(exec);
  }
}

export interface Answer {
  readonly code: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}
