// Computes when a schedule comes due: crontab(5) in a time zone, correct across changes of daylight saving time.

import { Cron } from 'croner';
import type { Schedule } from '../../core/model/spec.ts';
import { dateOf } from '../../runtime/wall-time.ts';

/** The first time after `after`; both in Unix milliseconds. null: never again. */
export function nextRun({ cron, timezone }: Pick<Schedule, 'cron' | 'timezone'>, after: number): number | null {
  return patternOf(cron, timezone).nextRun(dateOf(after))?.getTime() ?? null;
}

/** Why the schedule is invalid; null: it is valid. */
export function scheduleProblem(cron: string, timezone: string | null, now: number): string | null {
  try {
    return nextRun({ cron, timezone }, now) === null ? 'it never comes due' : null;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
  }
}

function patternOf(cron: string, timezone: string | null): Cron {
  const options = { paused: true, domAndDow: needsBoth(cron) };
  return timezone === null ? new Cron(cron, options) : new Cron(cron, { ...options, timezone });
}

/**
 * crontab(5): a day has to match both fields, day of month and day of week, when one of them contains a `*`; where both
 * are restricted, one of them is enough.
 */
function needsBoth(cron: string): boolean {
  const fields = cron.trim().split(/\s+/);
  const [day, , weekday] = fields.slice(fields.length === 5 ? 2 : 3);
  return [day, weekday].some((field) => field !== undefined && /[*?]/.test(field));
}
