// Whether a name fits a glob of `*` and `?`.

import { configuredName } from './instance-name.ts';

/** Whether a pattern means a service: by its own name, or, of an instance, by that of all of them (`web` of `web@2`). */
export function meansService(name: string, pattern: string): boolean {
  return matchesGlob(name, pattern) || matchesGlob(configuredName(name), pattern);
}

/** Steps through both at once and goes back to the last `*` on a mismatch: linear for any pattern, unlike a regular expression. */
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
