// Makes text from services and clients harmless for terminals and log lines.

/** Control characters, marks that change the direction of text, and separators of lines. */
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
const PRINTABLE = /^[ -~]*$/;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** For one line of a log or of a message: unsafe characters become `\n`, `\u001b`. */
export function escaped(text: string): string {
  if (PRINTABLE.test(text)) return text;
  return text.replace(UNSAFE, (char) => SHORT[char] ?? `\\u${codePointOf(char).toString(16).padStart(4, '0')}`);
}

/** For a terminal: unsafe characters become visible symbols such as `␛` and `<202E>`. Tabs and line breaks stay. */
export function sanitised(text: string): string {
  return text.replace(UNSAFE, (char) => {
    if (char === '\n' || char === '\t') return char;
    const code = codePointOf(char);
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return '\u2421';
    return `<${code.toString(16).toUpperCase().padStart(4, '0')}>`;
  });
}

/** For receivers of one line: control characters become blanks. */
export function onOneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

function codePointOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}
