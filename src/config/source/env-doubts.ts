// What systemd, Compose and dotenv read differently in an env_file, so that the same file would mean something else there.

/** Each kind with what is said of it. The value itself is never shown. */
const KINDS = {
  semicolon: 'only systemd takes a line that begins with ; for a comment, as opsd does; write # instead',
  longComment: 'systemd takes the next line for a part of this comment, because of the \\ at its end; remove it',
  exported: 'systemd ignores a line that begins with export; remove the word',
  name: 'systemd and shells take letters, digits and _ in a name only, and ignore this line',
  comment:
    'systemd takes the # behind a value, and the rest of the line, for a part of the value; give it a line of its own',
  hash: "dotenv ends a value without quotes at its first #; put the value into '…'",
  joined: 'Compose and dotenv do not join a line that ends in \\ with the next one; write both as one line',
  bareBackslash: "systemd and shells drop a backslash outside of quotes, opsd keeps it; put the value into '…'",
  escape: 'Compose and dotenv make a line break of \\n and the like; opsd, systemd and shells keep both characters',
  quotedEscape:
    'dotenv keeps the backslash in front of what it escapes in "…"; put the value into \'…\' where that matters',
  joinedInQuotes:
    'Compose and dotenv keep a backslash at the end of a line in "…"; opsd, systemd and shells join the lines',
  expansion: "Compose and shells put a variable in where opsd and systemd leave the $ as it is; put the value into '…'",
  backtick: "dotenv takes ` for a quote; put the value into '…'",
  lastBackslash: "Compose and dotenv take \\' for a part of the value, and look for another closing '",
} as const;

type Kind = keyof typeof KINDS;

interface WrittenVariable {
  readonly name: string;
  readonly isExported: boolean;
  /** The value as it is written, from its first character to the end of its last line. */
  readonly source: string;
  readonly value: string;
  readonly quote: "'" | '"' | null;
  readonly hasComment: boolean;
}

export class Doubts {
  readonly #lines = new Map<Kind, number>();

  /** The first line of each kind. */
  get found(): readonly { readonly line: number; readonly message: string }[] {
    return [...this.#lines].map(([kind, line]) => ({ line, message: KINDS[kind] }));
  }

  ofComment(line: number, first: string, endsInBackslash: boolean): void {
    if (first === ';') this.#note('semicolon', line);
    if (endsInBackslash) this.#note('longComment', line);
  }

  ofVariable(line: number, written: WrittenVariable): void {
    if (written.isExported) this.#note('exported', line);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(written.name)) this.#note('name', line);
    if (written.hasComment) this.#note('comment', line);
    if (written.quote === null) this.#ofUnquoted(line, written);
    else if (written.quote === '"') this.#ofDoubleQuoted(line, written.source);
    else if (written.value.endsWith('\\')) this.#note('lastBackslash', line);
  }

  #ofUnquoted(line: number, { source, value }: WrittenVariable): void {
    if (value.includes('#')) this.#note('hash', line);
    if (source.includes('\\\n')) this.#note('joined', line);
    if (value.includes('\\')) this.#note('bareBackslash', line);
    if (value.startsWith('`')) this.#note('backtick', line);
    if (/\$[A-Za-z_{]/.test(value)) this.#note('expansion', line);
  }

  #ofDoubleQuoted(line: number, source: string): void {
    for (let at = 1; at < source.length && source.charAt(at) !== '"'; at += 1) {
      const char = source.charAt(at);
      if (char === '$' && /[A-Za-z_{]/.test(source.charAt(at + 1))) this.#note('expansion', line);
      if (char !== '\\') continue;
      at += 1;
      const next = source.charAt(at);
      if (next === '\n') this.#note('joinedInQuotes', line);
      else if (['"', '\\', '$', '`'].includes(next)) this.#note('quotedEscape', line);
      else if (/[abcfnrtv0]/.test(next)) this.#note('escape', line);
    }
  }

  #note(kind: Kind, line: number): void {
    if (!this.#lines.has(kind)) this.#lines.set(kind, line);
  }
}
