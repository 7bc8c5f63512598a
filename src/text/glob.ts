// Matches names with globs of `*` and `?`.

import { configuredName } from './instance-name.ts';

/** Whether a pattern matches a service: its name, or the name of its group (`web` for `web@2`). */
export function meansService(name: string, pattern: string): boolean {
  return matchesGlob(name, pattern) || matchesGlob(configuredName(name), pattern);
}

/** Goes back only to the last `*` on a mismatch, so that no pattern takes exponential time, unlike a regular expression. */
export function matchesGlob(name: string, pattern: string): boolean {
  let at = 0;
  let star = -1;
  let starAt = 0;
  let place = 0;
  while (at < name.length) {
    if (pattern[place] === '*') {
      star = place++;
      starAt = at;
    } else if (pattern[place] === '?' || pattern[place] === name[at]) {
      place++;
      at++;
    } else if (star >= 0) {
      place = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (pattern[place] === '*') place++;
  return place === pattern.length;
}
