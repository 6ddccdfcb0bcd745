// Makes text from elsewhere fit to be shown: nothing in it can move a cursor, hide or reorder what a person reads.

/** Controls, format characters (bidirectional overrides, zero-width ones, tags), line separators, lone surrogates. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Writes each unseen character as an escape: `\n`, `\u001b`, `\u202e`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => SHORT[character] ?? escaped(character));
}

function escaped(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).padStart(4, '0');
  return hex.length === 4 ? `\\u${hex}` : `\\u{${hex}}`;
}

/** At most `bytesMax` bytes of UTF-8 (at least 3); what was cut ends in an ellipsis, and no character is cut in half. */
export function cutToBytes(text: string, bytesMax: number): string {
  // A UTF-16 unit is at least one byte, so what lies beyond can never be kept; this bounds the work on huge texts.
  const head = text.slice(0, bytesMax + 1);
  const bytes = Buffer.from(head, 'utf8');
  if (bytes.length <= bytesMax && head.length === text.length) return text;
  const ellipsis = '…';
  let end = Math.min(bytes.length, bytesMax - Buffer.byteLength(ellipsis));
  while (end > 0 && isContinuation(bytes[end])) end -= 1;
  return `${bytes.toString('utf8', 0, end)}${ellipsis}`;
}

/** True inside a character: its bytes after the first are 10xxxxxx. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Visible and short: what an outside text becomes before it reaches an Event or a log line. */
export function fitText(text: string, bytesMax: number): string {
  return cutToBytes(visible(text.slice(0, bytesMax + 1)), bytesMax);
}
