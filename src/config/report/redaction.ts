// Which values are never shown, and what is shown instead.

export const REDACTED = '[redacted]';

const SECRET_WORD = /password|passwd|passphrase|secret|token|key|credential/i;

/** Whether a key of a service or of the daemon names something secret: `env.API_KEY`. Too often is better than too seldom. */
export function looksSecret(path: readonly string[]): boolean {
  return path.some((part) => SECRET_WORD.test(part));
}

/** Longer values are cut: a message is one line. */
const LONGEST_SHOWN = 60;

/** A value as a message shows it: `"web"`, `30`, `a table`. */
export function shown(value: unknown, isSecret: boolean): string {
  if (value === undefined) return 'nothing';
  if (isSecret) return REDACTED;
  if (typeof value === 'string') return cut(JSON.stringify(value));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  // What is in tables may be secret by its key.
  if (Array.isArray(value)) return value.some(isTable) ? 'a list of tables' : cut(JSON.stringify(value));
  return isTable(value) ? 'a table' : 'a point in time';
}

function cut(text: string): string {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN - 1)}…`;
}

function isTable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
