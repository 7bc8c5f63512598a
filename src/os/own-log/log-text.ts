// One log record as a line for people: `Nov 23 16:10:00.123 [INFO] message key=value`, safe to show on a terminal.

const PRINTABLE = /^[ -~]*$/;
const UNMISTAKABLE = /^[\w./:@%+,-]+$/;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** First and last of what is never shown as it is: C0, DEL and C1; separators of lines; marks that turn text around. */
const UNSAFE: readonly (readonly [number, number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2066, 0x2069],
];

function escaped(text: string): string {
  if (PRINTABLE.test(text)) return text;
  let shown = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const isUnsafe = UNSAFE.some(([first, last]) => code >= first && code <= last);
    shown += isUnsafe ? (SHORT[char] ?? `\\u${code.toString(16).padStart(4, '0')}`) : char;
  }
  return shown;
}

/** A value: as it is where that is unmistakable, else in double quotes with \" and \\. */
function quoted(value: unknown): string {
  if (typeof value === 'object' && value !== null) return quoted(JSON.stringify(value));
  if (typeof value !== 'string') return String(value);
  return UNMISTAKABLE.test(value) ? value : `"${escaped(value.replace(/["\\]/g, '\\$&'))}"`;
}

/** From pino's JSON to text. */
export function textLine(json: string): string {
  const { time, level, message, ...fields }: Record<string, unknown> = JSON.parse(json);
  let line = `${time} [${String(level).toUpperCase()}] ${escaped(String(message ?? ''))}`;
  for (const key in fields) line += ` ${key}=${quoted(fields[key])}`;
  return `${line}\n`;
}
