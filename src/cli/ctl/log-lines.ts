// The lines of the logs of several services in the order of their times.

import { STAMP_LENGTH, timeOfStamp } from '../../runtime/wall-time.ts';

export interface ShownLine {
  /** The place of the service among those that were asked for. */
  readonly source: number;
  /** One character for each byte. */
  readonly text: string;
}

/** Characters that are kept to be put in order. */
export const MOST_KEPT = 64 * 1024 * 1024;

/**
 * `writtenAt`: Unix milliseconds of the last line of each log, which tells the year of its timestamps. A line without a
 * time stays behind the one before it. Lines before the first time of their log come first.
 */
export function inOrderOfTime(lines: readonly ShownLine[], writtenAt: readonly number[]): readonly ShownLine[] {
  const bySource = Map.groupBy(lines, ({ source }) => source);
  const timed: { readonly line: ShownLine; readonly time: number }[] = [];
  for (const [source, own] of bySource) {
    let latest = writtenAt[source] ?? 0;
    const times = own.map(() => Number.NEGATIVE_INFINITY);
    for (let place = own.length - 1; place >= 0; place -= 1) {
      // As if in UTC: the order is the same, and this host may be in another zone than that of opsd.
      const time = timeOfStamp(own[place]?.text.slice(0, STAMP_LENGTH) ?? '', latest, 'utc');
      if (Number.isNaN(time)) continue;
      times[place] = time;
      latest = time;
    }
    let last = Number.NEGATIVE_INFINITY;
    for (const [place, line] of own.entries()) {
      // A clock that was set back does not change the order within a log.
      last = Math.max(last, times[place] ?? last);
      timed.push({ line, time: last });
    }
  }
  return timed
    .sort((a, b) => (a.time === b.time ? a.line.source - b.line.source : a.time < b.time ? -1 : 1))
    .map(({ line }) => line);
}

/** Whether a line begins with a time. */
export function isTimed({ text }: ShownLine): boolean {
  return !Number.isNaN(timeOfStamp(text.slice(0, STAMP_LENGTH), Number.MAX_SAFE_INTEGER / 2, 'utc'));
}
