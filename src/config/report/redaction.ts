// How values are shown in messages, with [redacted] in the place of secrets.

import { MASK } from '../../text/url-passwords.ts';
import { redact, redactWords } from '../secrets/parts.ts';

export const REDACTED = MASK;

/** Longer values are cut: a message is one line. */
const LONGEST_SHOWN = 60;

/** A value as a message shows it: `"web"`, `30`, `a table`. */
export function shown(value: unknown, isSecret: boolean): string {
  if (value === undefined) return 'nothing';
  if (isSecret) return REDACTED;
  if (typeof value === 'string') return cut(JSON.stringify(redact(value).shown));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  // Tables are not shown: values in them may be secret by their keys.
  if (Array.isArray(value)) return value.some(isTable) ? 'a list of tables' : cut(JSON.stringify(redactList(value)));
  return isTable(value) ? 'a table' : 'a point in time';
}

function redactList(list: readonly unknown[]): readonly unknown[] {
  const texts = list.filter((each) => typeof each === 'string');
  return texts.length < list.length
    ? list.map((each) => (typeof each === 'string' ? redact(each).shown : each))
    : redactWords(texts).shown;
}

function cut(text: string): string {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN - 1)}…`;
}

function isTable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
