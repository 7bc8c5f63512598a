// Takes the secrets out of a record of opsd's log, and leaves opsd's own words: a service's user chooses what is a secret.

import { REASONS, STATES } from '../../core/model/states.ts';
import { hideAll, type Masks } from '../../text/masks.ts';

/** Values of fields that are no text of anybody else. */
const OWN_WORDS: ReadonlySet<unknown> = new Set([...REASONS, ...STATES]);

/** What an alert begins with, by which its priority is known. */
const ALERT = /^CRITICAL (?=.)/s;

/** `json`: a line of pino. */
export function maskedRecord(json: string, masks: Masks): string {
  const { time, level, message, ...fields }: Record<string, unknown> = JSON.parse(json);
  const masked = Object.entries(fields).map(([name, value]) => [
    name,
    OWN_WORDS.has(value) ? value : hideAll(value, masks),
  ]);
  const told = masked.length > 0 || typeof message !== 'string' ? message : maskedText(message, masks);
  return `${JSON.stringify({ level, time, ...Object.fromEntries(masked), message: told })}\n`;
}

function maskedText(message: string, masks: Masks): string {
  const [alert = ''] = ALERT.exec(message) ?? [];
  return alert + masks.hide(message.slice(alert.length));
}
