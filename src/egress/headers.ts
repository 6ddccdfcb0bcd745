// Headers out of users' objects: checked before they are sent, so that they cannot become a second request.

export type HeadersJudgement =
  | { readonly kind: 'allowed'; readonly flat: string[] }
  | { readonly kind: 'refused'; readonly why: string };

/** All names and values together, in characters. */
export const HEADER_CHARS_MAX = 32_768;

/** These belong to the connection, not to its user. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Names and values in turn, with ours; or why not, naming the header but never its value. */
export function readHeaders(
  headers: Readonly<Record<string, readonly string[]>>,
): HeadersJudgement {
  const flat: string[] = ['accept-encoding', 'identity'];
  const names = new Set<string>();
  let chars = 0;
  for (const [name, values] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]{1,256}$/.test(lower))
      return refused('a header has no valid name');
    if (OWN_HEADERS.has(lower)) return refused(`the header ${lower} cannot be set`);
    if (names.has(lower)) return refused(`the header ${lower} is given twice`);
    names.add(lower);
    for (const value of values) {
      if (!/^[\t\u0020-\u007e]*$/.test(value)) {
        return refused(`the header ${lower} holds a character that a header cannot carry`);
      }
      chars += lower.length + value.length;
      flat.push(lower, value);
    }
  }
  if (chars > HEADER_CHARS_MAX) return refused(`the headers exceed ${HEADER_CHARS_MAX} characters`);
  if (!names.has('user-agent')) flat.push('user-agent', 'serin');
  return { kind: 'allowed', flat };
}

function refused(why: string): HeadersJudgement {
  return { kind: 'refused', why };
}
