// Where a command writes, and what may be written there.

import { styleText } from 'node:util';

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether `out` and `err` are read by a person. */
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  /** Columns of `out`; null: as many as it takes. */
  columns(): number | null;
  readonly hasColours: boolean;
  /** Aborted when the person at the terminal, or whoever started us, has enough (SIGINT, SIGTERM, a closed pipe). */
  readonly interrupt: AbortSignal;
}

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'dim' | 'bold';

export function paint({ hasColours }: Pick<Terminal, 'hasColours'>, colour: Colour | null, text: string): string {
  // Whether to colour was decided with the terminal.
  return hasColours && colour !== null ? styleText(colour, text, { validateStream: false }) : text;
}

/**
 * Text of a stranger, made harmless for a terminal: no control character and no mark that turns the direction of text
 * gets through, what was there can be seen. Tabs and line breaks stay.
 */
export function sanitise(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (char) => {
    if (char === '\n' || char === '\t') return char;
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return '\u2421';
    return `<${code.toString(16).toUpperCase().padStart(4, '0')}>`;
  });
}
