// Formats a log record as a line for people: `Nov 23 16:10:00.123 [INFO] message key=value`, safe to show on a
// terminal.

import { escaped } from '../../text/harmless.ts';
import { priorityPrefix } from './journal.ts';

const UNMISTAKABLE = /^[\w./:@%+,-]+$/;

/** A value: as it is if it cannot be misread, else in double quotes with \" and \\. */
function quoted(value: unknown): string {
  if (typeof value === 'object' && value !== null) return quoted(JSON.stringify(value));
  if (typeof value !== 'string') return String(value);
  return UNMISTAKABLE.test(value) ? value : `"${escaped(value.replace(/["\\]/g, '\\$&'))}"`;
}

/** Formats a JSON line of pino as text. For the journal with its priority, and without the time, which it has already. */
export function textLine(json: string, isForJournal = false): string {
  const { time, level, message, ...fields }: Record<string, unknown> = JSON.parse(json);
  const begin = isForJournal ? priorityPrefix(String(level), String(message)) : `${time} `;
  let line = `${begin}[${String(level).toUpperCase()}] ${escaped(String(message ?? ''))}`;
  for (const key in fields) line += ` ${key}=${quoted(fields[key])}`;
  return `${line}\n`;
}
