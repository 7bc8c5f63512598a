// Jobs, which run by a schedule or once: their schedule and their restart policy.

import type { RestartPolicy, Schedule } from '../../core/model/spec.ts';
import type { Facts } from '../check/host-facts.ts';
import type { ServiceInput } from './probing.ts';

/** Keys that have no effect without a schedule. */
const KEYS_OF_SCHEDULES = ['timezone', 'overlap', 'random_delay', 'catch_up'];

export function scheduleOf(asked: ServiceInput, facts: Facts): Schedule | null {
  const { locate, findings } = asked;
  const { schedule, timezone = null, overlap, random_delay, catch_up } = asked.values;
  if (schedule === undefined) {
    for (const key of KEYS_OF_SCHEDULES) {
      if (asked.isOwn([key])) findings.warning(locate([key]), 'says nothing without a schedule; remove it');
    }
    return null;
  }
  const place = locate(['schedule']);
  const why = facts.whyNotSchedule(schedule, timezone);
  if (why !== null) {
    const reason = place.isSecret ? '' : ` (${why})`;
    findings.problem(place, `expected a crontab(5) line that comes due, such as "0 3 * * *"${reason}`);
  }
  return { cron: schedule, timezone, overlap, randomDelay: random_delay, catchUp: catch_up };
}

/** The restart policy: by default jobs are not started again, other services always. */
export function restartOf({ values, locate, isOwn, findings }: ServiceInput): RestartPolicy {
  const isJob = values.type === 'oneshot' || values.schedule !== undefined;
  if (isJob && values.restart === 'always') {
    const what = values.schedule === undefined ? 'a oneshot' : 'what a schedule starts';
    const remedy = isOwn(['restart']) ? 'write "on-failure", or remove it' : 'write restart = "never" in that service';
    findings.problem(locate(['restart']), `"always" would start ${what} again without end; ${remedy}`);
  }
  return values.restart ?? (isJob ? 'never' : 'always');
}
