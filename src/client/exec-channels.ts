// The words of the protocol v5.channel.k8s.io: one byte that names a channel, then what goes over it.
import type { ExecOutput } from './client.ts';
import { brokenError, statusOf } from './failure.ts';
import { ApiError } from './errors.ts';
import { fieldsOf, itemsOf, textOf } from './fields.ts';

export const EXEC_PROTOCOL = 'v5.channel.k8s.io';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
/** A metav1.Status: how the command ended. */
const STATUS = 3;
const RESIZE = 4;
/** Its one byte names the channel of which this was the end. */
const CLOSE = 255;

/** What is sent at once: the server takes frames of any length, but need not hold all of a large one. */
const STDIN_PIECE_BYTES = 32 * 1024;
const STATUS_BYTES_MAX = 64 * 1024;

export function* stdinFrames(stdin: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < stdin.length; from += STDIN_PIECE_BYTES) {
    yield frame(STDIN, stdin.subarray(from, from + STDIN_PIECE_BYTES));
  }
  yield frame(CLOSE, Uint8Array.of(STDIN));
}

export function sizeFrame(size: { readonly columns: number; readonly rows: number }): Uint8Array {
  return frame(RESIZE, Buffer.from(JSON.stringify({ Width: size.columns, Height: size.rows })));
}

function frame(channel: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(channel), content]);
}

/** What the server has sent, kept up to a limit. */
export class Received {
  readonly #bytesMax: number;
  readonly #kept = { stdout: new Kept(), stderr: new Kept(), status: new Kept() };

  constructor(outputBytesMax: number) {
    this.#bytesMax = outputBytesMax;
  }

  /** Channels that this version of the protocol does not know are passed over. */
  take(message: Uint8Array): void {
    const content = message.subarray(1);
    const { stdout, stderr, status } = this.#kept;
    if (message[0] === STDOUT) stdout.add(content, this.#bytesMax);
    else if (message[0] === STDERR) stderr.add(content, this.#bytesMax);
    else if (message[0] === STATUS) status.add(content, STATUS_BYTES_MAX);
  }

  get output(): ExecOutput {
    const { stdout, stderr } = this.#kept;
    const truncated = stdout.truncated || stderr.truncated;
    return { stdout: stdout.bytes(), stderr: stderr.bytes(), truncated };
  }

  /** Null while the status has not come, or not whole. */
  status(): unknown {
    const text = this.#kept.status.bytes().toString('utf8');
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }
}

class Kept {
  truncated = false;
  readonly #parts: Buffer[] = [];
  #length = 0;

  add(content: Uint8Array, bytesMax: number): void {
    const room = bytesMax - this.#length;
    if (content.length > room) this.truncated = true;
    if (room <= 0 || content.length === 0) return;
    // A copy: the message is a view of what may be a far larger piece of the connection.
    const part = Buffer.from(content.subarray(0, room));
    this.#parts.push(part);
    this.#length += part.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts, this.#length);
  }
}

/** The exit code that a Status tells; throws ApiError when the command never ran. */
export function exitCodeOf(attempt: string, status: unknown): number {
  const fields = fieldsOf(status);
  if (fields['status'] === 'Success') return 0;
  const read = statusOf({ ...fields, kind: 'Status' });
  const causes = itemsOf(fieldsOf(fields['details'])['causes']).map(fieldsOf);
  const exit = causes.find((cause) => cause['reason'] === 'ExitCode');
  const code = Number(textOf(exit?.['message']) ?? Number.NaN);
  if (read?.reason === 'NonZeroExitCode' && Number.isInteger(code)) return code;
  if (read === null || fields['status'] !== 'Failure')
    throw brokenError(attempt, undefined, 'the last word of the server is not a Status');
  throw new ApiError(attempt, {
    kind: 'transient',
    code: read.code,
    status: read,
    retryAfterMs: null,
    detail: 'the command could not be run',
  });
}
