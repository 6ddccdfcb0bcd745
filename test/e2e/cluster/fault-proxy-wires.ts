// Pairs of TCP connections with a test in between: they can be cut, or fall silent as after a NAT gateway's restart.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** One connection from outside, and the one that carries it on. */
export class Wire {
  readonly #outer: Socket;
  readonly #inner: Socket;
  #silent = false;

  constructor(outer: Socket, innerPort: number) {
    this.#outer = outer;
    this.#inner = connect(innerPort, '127.0.0.1');
    for (const [one, other] of [
      [outer, this.#inner],
      [this.#inner, outer],
    ] as const) {
      one.setNoDelay(true);
      one.on('error', () => undefined);
      one.once('close', () => {
        // A silent wire passes nothing on, not even an end.
        if (!this.#silent) other.destroy();
      });
    }
    this.#flow();
  }

  /** Tells the wire by the end that the inner server sees. */
  get innerPort(): number {
    return this.#inner.localPort ?? 0;
  }

  get closed(): boolean {
    return this.#outer.destroyed && this.#inner.destroyed;
  }

  /** Both sides are told by a reset. */
  cut(): void {
    if (!this.#outer.destroyed) this.#outer.resetAndDestroy();
    this.#inner.destroy();
  }

  /** From now on nothing passes in any direction, and nobody is told. */
  silence(): void {
    this.#silent = true;
    this.#outer.unpipe();
    this.#inner.unpipe();
    this.#outer.pause();
    this.#inner.pause();
  }

  /** What was held back flows on. */
  restore(): void {
    if (!this.#silent) return;
    this.#silent = false;
    this.#flow();
    if (this.#outer.destroyed || this.#inner.destroyed) this.cut();
  }

  #flow(): void {
    this.#outer.pipe(this.#inner);
    this.#inner.pipe(this.#outer);
  }
}

/** Listens on a port of loopback and carries each connection to another one. */
export class Wires implements AsyncDisposable {
  readonly #server: Server;
  readonly #wires = new Set<Wire>();
  #newAreSilent = false;
  #opened = 0;

  private constructor(innerPort: number) {
    this.#server = createServer((outer) => {
      const wire = new Wire(outer, innerPort);
      this.#opened += 1;
      this.#wires.add(wire);
      if (this.#newAreSilent) wire.silence();
      for (const each of this.#wires) if (each.closed) this.#wires.delete(each);
    });
  }

  static async to(innerPort: number): Promise<Wires> {
    const wires = new Wires(innerPort);
    wires.#server.listen(0, '127.0.0.1');
    await once(wires.#server, 'listening');
    return wires;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections so far. */
  get opened(): number {
    return this.#opened;
  }

  of(innerPort: number): Wire | undefined {
    return [...this.#wires].find((wire) => wire.innerPort === innerPort);
  }

  cutAll(): void {
    for (const wire of this.#wires) wire.cut();
  }

  /** All that there are, and those to come too if asked: these are accepted and never answered. */
  silenceAll({ newToo }: { readonly newToo: boolean }): void {
    this.#newAreSilent = newToo;
    for (const wire of this.#wires) wire.silence();
  }

  restoreAll(): void {
    this.#newAreSilent = false;
    for (const wire of this.#wires) wire.restore();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cutAll();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
