// Reads the rules of a CRD (CEL): from text to a tree. The part of the language that shipped rules use, and a little more.

export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'field'; readonly of: Expression; readonly name: string }
  | { readonly kind: 'entry'; readonly of: Expression; readonly index: Expression }
  | {
      readonly kind: 'call';
      readonly of: Expression | null;
      readonly name: string;
      readonly args: readonly Expression[];
    }
  | { readonly kind: 'unary'; readonly operator: string; readonly of: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'choice';
      readonly when: Expression;
      readonly then: Expression;
      readonly otherwise: Expression;
    };

type TokenKind = 'number' | 'text' | 'name' | 'sign' | 'end';

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const TOKENS =
  /\s*(?:(?<number>\d+(?:\.\d+)?)|(?<text>r?"""[\s\S]*?"""|r?'''[\s\S]*?'''|r"[^"]*"|r'[^']*'|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<name>[A-Za-z_]\w*)|(?<sign>&&|\|\||[=!<>]=|[-+*/%<>!?:.,()[\]]))/y;

/** From loose to tight. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['==', '!=', '<', '<=', '>', '>=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];

/** Throws SyntaxError on what it does not know. */
export function parseRule(text: string): Expression {
  const reader = new Reader(tokensOf(text), text);
  const expression = reader.choice();
  reader.end();
  return expression;
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKENS.lastIndex = 0;
  while (TOKENS.lastIndex < end) {
    const at = TOKENS.lastIndex;
    const groups = TOKENS.exec(text)?.groups;
    if (groups === undefined) throw new SyntaxError(`cannot read the rule at ${at}: ${text}`);
    for (const kind of ['number', 'text', 'name', 'sign'] as const) {
      const found = groups[kind];
      if (found !== undefined) tokens.push({ kind, text: found });
    }
  }
  return tokens;
}

const END: Token = { kind: 'end', text: '' };

class Reader {
  readonly #tokens: readonly Token[];
  readonly #text: string;
  #at = 0;

  constructor(tokens: readonly Token[], text: string) {
    this.#tokens = tokens;
    this.#text = text;
  }

  choice(): Expression {
    const when = this.#binary(0);
    if (!this.#took('?')) return when;
    const then = this.#binary(0);
    this.#expect(':');
    return { kind: 'choice', when, then, otherwise: this.choice() };
  }

  end(): void {
    if (this.#next() !== END) throw this.#wrong();
  }

  #binary(level: number): Expression {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const token = this.#next();
      const operator = token.text;
      if (token.kind === 'text' || !operators.includes(operator)) return left;
      this.#at += 1;
      left = { kind: 'binary', operator, left, right: this.#binary(level + 1) };
    }
  }

  #unary(): Expression {
    for (const operator of ['!', '-']) {
      if (this.#took(operator)) return { kind: 'unary', operator, of: this.#unary() };
    }
    return this.#member();
  }

  #member(): Expression {
    let value = this.#primary();
    for (;;) {
      if (this.#took('.')) {
        const { kind, text: name } = this.#next();
        if (kind !== 'name') throw this.#wrong();
        this.#at += 1;
        value = this.#took('(')
          ? { kind: 'call', of: value, name, args: this.#list(')') }
          : { kind: 'field', of: value, name: unescapedName(name) };
      } else if (this.#took('[')) {
        const index = this.choice();
        this.#expect(']');
        value = { kind: 'entry', of: value, index };
      } else return value;
    }
  }

  #primary(): Expression {
    const { kind, text } = this.#next();
    this.#at += 1;
    if (kind === 'number') return { kind: 'literal', value: Number(text) };
    if (kind === 'text') return { kind: 'literal', value: textOf(text) };
    if (kind === 'name') return this.#named(text);
    if (text === '[') return { kind: 'list', items: this.#list(']') };
    if (text !== '(') throw this.#wrong();
    const inner = this.choice();
    this.#expect(')');
    return inner;
  }

  #named(name: string): Expression {
    if (name === 'true' || name === 'false') return { kind: 'literal', value: name === 'true' };
    if (name === 'null') return { kind: 'literal', value: null };
    return this.#took('(')
      ? { kind: 'call', of: null, name, args: this.#list(')') }
      : { kind: 'name', name };
  }

  #list(close: string): readonly Expression[] {
    const items: Expression[] = [];
    while (!this.#took(close)) {
      items.push(this.choice());
      if (!this.#took(',') && this.#next().text !== close) throw this.#wrong();
    }
    return items;
  }

  #next(): Token {
    return this.#tokens[this.#at] ?? END;
  }

  #took(sign: string): boolean {
    const { kind, text } = this.#next();
    if (kind !== 'sign' || text !== sign) return false;
    this.#at += 1;
    return true;
  }

  #expect(sign: string): void {
    if (!this.#took(sign)) throw this.#wrong();
  }

  #wrong(): SyntaxError {
    return new SyntaxError(`unexpected ${this.#next().text || 'end'} in rule ${this.#text}`);
  }
}

/** Fields named like words of the language are written `__namespace__`. */
function unescapedName(name: string): string {
  return /^__(?!dot__|dash__|slash__|underscores__)\w+__$/.test(name) ? name.slice(2, -2) : name;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

function textOf(token: string): string {
  const raw = token.startsWith('r');
  const quoted = raw ? token.slice(1) : token;
  const width = /^("""|''')/.test(quoted) ? 3 : 1;
  const inner = quoted.slice(width, -width);
  return raw ? inner : inner.replaceAll(/\\(.)/g, (_, one: string) => ESCAPES[one] ?? one);
}
