// Finds the line of each key in a TOML text, since smol-toml gives values without positions.

/** A key: the line where it is first written, and the keys below it. */
export interface Spot {
  /** 1-based. */
  readonly line: number;
  readonly inner: ReadonlyMap<string, Spot>;
}

export interface LineIndex {
  readonly root: Spot;
  /** Keys that are written twice; lines are 1-based. */
  readonly repeated: readonly { readonly path: readonly string[]; readonly first: number; readonly again: number }[];
}

/** The path of the last key that begins in a line; empty: there is none. */
export function keyInLine(spot: Spot, line: number): readonly string[] {
  for (const [key, inner] of [...spot.inner].reverse()) {
    const below = keyInLine(inner, line);
    if (below.length > 0 || inner.line === line) return [key, ...below];
  }
  return [];
}

/** Indexes a TOML text. In an invalid one, the keys before the mistake are indexed. */
export function indexLines(text: string): LineIndex {
  const scanner = new Scanner(text);
  scanner.document();
  return { root: scanner.root, repeated: scanner.repeated };
}

const BLANKS = /[ \t]*/y;
const LINE_SPACE = /[ \t\r\n]*/y;
const COMMENT = /#[^\n]*/y;
const BARE_KEY = /[A-Za-z0-9_-]+/y;
const PLAIN_VALUE = /[^,\]}\n#]+/y;

/** Deeper nesting ends the scan: such a text is refused by the parser. */
const DEEPEST = 64;

class SpotBuilder implements Spot {
  readonly line: number;
  /** The key was written itself, not only as the beginning of a longer key (`a` in `a.b`). */
  isWritten = false;
  #inner: Map<string, SpotBuilder> | null = null;

  constructor(line: number) {
    this.line = line;
  }

  get inner(): ReadonlyMap<string, SpotBuilder> {
    return this.#inner ?? NO_MARKS;
  }

  below(key: string, line: number): SpotBuilder {
    this.#inner ??= new Map();
    let mark = this.#inner.get(key);
    if (mark === undefined) {
      mark = new SpotBuilder(line);
      this.#inner.set(key, mark);
    }
    return mark;
  }

  /** The next element of a list of tables begins: the same keys may be written again. */
  clear(): void {
    this.#inner = null;
  }
}

const NO_MARKS: ReadonlyMap<string, SpotBuilder> = new Map();

class Scanner {
  readonly root = new SpotBuilder(1);
  readonly repeated: { path: readonly string[]; first: number; again: number }[] = [];
  readonly #text: string;
  #tablePath: readonly string[] = [];
  #at = 0;
  #countedTo = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith('\ufeff')) this.#at = 1;
  }

  document(): void {
    let table = this.root;
    for (;;) {
      this.#skipLines();
      if (this.#at >= this.#text.length) return;
      if (this.#text[this.#at] === '[') {
        const header = this.#header();
        if (header === null) return;
        table = header;
      } else if (!this.#pair(table, 0)) return;
    }
  }

  #header(): SpotBuilder | null {
    const line = this.#lineHere();
    const isList = this.#text.startsWith('[[', this.#at);
    this.#at += isList ? 2 : 1;
    const key = this.#key();
    const end = isList ? ']]' : ']';
    if (key === null || !this.#text.startsWith(end, this.#at)) return null;
    this.#at += end.length;
    this.#tablePath = key;
    let mark = this.root;
    for (const part of key) mark = mark.below(part, line);
    if (isList) mark.clear();
    else this.#write(mark, key, line);
    return mark;
  }

  /** `a.b = value` below `table`. */
  #pair(table: SpotBuilder, depth: number): boolean {
    const line = this.#lineHere();
    const key = this.#key();
    if (key === null || this.#text[this.#at] !== '=') return false;
    this.#at += 1;
    let mark = table;
    for (const part of key) mark = mark.below(part, line);
    this.#write(mark, key, line);
    this.#skip(BLANKS);
    return this.#value(mark, depth);
  }

  #write(mark: SpotBuilder, key: readonly string[], line: number): void {
    if (mark.isWritten) {
      const path = key === this.#tablePath ? key : [...this.#tablePath, ...key];
      this.repeated.push({ path, first: mark.line, again: line });
    }
    mark.isWritten = true;
  }

  /** Reads a dotted key, and stops at the character after it; null: there is none. */
  #key(): readonly string[] | null {
    const parts: string[] = [];
    for (;;) {
      this.#skip(BLANKS);
      const bare = this.#take(BARE_KEY);
      const quoted = bare === null ? this.#string() : null;
      if (bare === null && quoted === null) return null;
      parts.push(bare ?? unquoted(quoted ?? ''));
      this.#skip(BLANKS);
      if (this.#text[this.#at] !== '.') return parts;
      this.#at += 1;
    }
  }

  #value(mark: SpotBuilder, depth: number): boolean {
    if (depth > DEEPEST) return false;
    const first = this.#text[this.#at];
    if (first === '[') return this.#sequence(']', () => this.#value(new SpotBuilder(0), depth + 1));
    if (first === '{') return this.#sequence('}', () => this.#pair(mark, depth + 1));
    const found = first === '"' || first === "'" ? this.#string() : this.#take(PLAIN_VALUE);
    return found !== null;
  }

  /** A list or an inline table: elements with commas between them. */
  #sequence(end: string, element: () => boolean): boolean {
    this.#at += 1;
    for (;;) {
      this.#skipLines();
      if (this.#text[this.#at] === end) break;
      if (!element()) return false;
      this.#skipLines();
      if (this.#text[this.#at] === ',') this.#at += 1;
      else if (this.#text[this.#at] !== end) return false;
    }
    this.#at += 1;
    return true;
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    pattern.test(this.#text);
    this.#at = Math.max(this.#at, pattern.lastIndex);
  }

  /** White space, line breaks and comments. */
  #skipLines(): void {
    for (;;) {
      this.#skip(LINE_SPACE);
      if (this.#text[this.#at] !== '#') return;
      this.#skip(COMMENT);
    }
  }

  /** Reads a string of any of the four kinds, with its quotes. No regular expression: one runs out of stack on a long string. */
  #string(): string | null {
    const start = this.#at;
    const quote = this.#text.charAt(start);
    if (quote !== '"' && quote !== "'") return null;
    const isLong = this.#text.startsWith(quote.repeat(3), start);
    const end = quote.repeat(isLong ? 3 : 1);
    for (let at = start + end.length; at < this.#text.length; at += 1) {
      const char = this.#text.charAt(at);
      if (char === '\n' && !isLong) return null;
      if (char === '\\' && quote === '"') at += 1;
      else if (char === quote && this.#text.startsWith(end, at)) {
        this.#at = at + end.length;
        // A long string may end with one or two quotes of its own.
        for (let extra = 0; isLong && extra < 2 && this.#text[this.#at] === quote; extra += 1) this.#at += 1;
        return this.#text.slice(start, this.#at);
      }
    }
    return null;
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return null;
    const start = this.#at;
    this.#at = pattern.lastIndex;
    return this.#text.slice(start, this.#at);
  }

  #lineHere(): number {
    for (;;) {
      const next = this.#text.indexOf('\n', this.#countedTo);
      if (next < 0 || next >= this.#at) return this.#line;
      this.#line += 1;
      this.#countedTo = next + 1;
    }
  }
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['b', '\b'],
  ['t', '\t'],
  ['n', '\n'],
  ['f', '\f'],
  ['r', '\r'],
  ['e', '\u001b'],
]);

function unquoted(text: string): string {
  const inner = text.slice(1, -1);
  if (text.startsWith("'")) return inner;
  return inner.replace(
    /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))/g,
    (_, two: string | undefined, four: string | undefined, eight: string | undefined, letter: string | undefined) => {
      const digits = two ?? four ?? eight;
      if (digits === undefined) return ESCAPES.get(letter ?? '') ?? letter ?? '';
      const point = Number.parseInt(digits, 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : '';
    },
  );
}
