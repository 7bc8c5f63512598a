// The terminal that a command writes to: colours, width, and text made harmless for it.

import { styleText } from 'node:util';

export interface Terminal {
  /** Bytes are written as they are. */
  out(text: string | Uint8Array): void;
  err(text: string): void;
  /** Whether `out` and `err` are terminals. */
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  /** Columns of `out`; null: `out` is no terminal. */
  columns(): number | null;
  readonly hasColours: boolean;
  /** Aborted when the user or the parent process ends the command (SIGINT, SIGTERM, SIGHUP, a closed pipe). */
  readonly interrupt: AbortSignal;
}

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'dim' | 'bold';

export function paint({ hasColours }: Pick<Terminal, 'hasColours'>, colour: Colour | null, text: string): string {
  // `hasColours` decides; styleText must not check the stream again.
  return hasColours && colour !== null ? styleText(colour, text, { validateStream: false }) : text;
}
