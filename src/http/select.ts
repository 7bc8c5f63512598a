// Which services a name, a glob or `all` means.

export interface Selection {
  /** In the order of `names`, each once. */
  readonly names: readonly string[];
  /** One message for each pattern that matched nothing. */
  readonly unknown: readonly string[];
}

/** Matches exact names, globs of `*` and `?`, and `all`. */
export function select(names: readonly string[], patterns: readonly string[]): Selection {
  const chosen = new Set<string>();
  const unknown: string[] = [];
  const known = new Set(names);
  for (const pattern of new Set(patterns)) {
    if (pattern === 'all') for (const name of names) chosen.add(name);
    else if (known.has(pattern)) chosen.add(pattern);
    else if (/[*?]/.test(pattern)) {
      const matching = names.filter((name) => matchesGlob(name, pattern));
      if (matching.length === 0) unknown.push(`no service matches '${printable(pattern)}'`);
      for (const name of matching) chosen.add(name);
    } else unknown.push(unknownService(pattern, names));
  }
  return { names: names.filter((name) => chosen.has(name)), unknown };
}

/** The one text for a service that does not exist. */
export function unknownService(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  const hint = near === null ? `see them all with: opsd ctl status` : `did you mean '${near}'?`;
  return `there is no service '${printable(name)}'; ${hint}`;
}

/** Steps through both at once and goes back to the last `*` on a mismatch: linear for any pattern, unlike a regular expression. */
function matchesGlob(name: string, pattern: string): boolean {
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

/** The name that a slip of the fingers would turn into `word`; null: none is near. */
function nearest(word: string, names: readonly string[]): string | null {
  if (word.length > 64) return null;
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: string | null = null;
  let least = limit + 1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= least) continue;
    const steps = distance(word.toLowerCase(), name.toLowerCase());
    if (steps < least) [best, least] = [name, steps];
  }
  return best;
}

/** Levenshtein's distance, with two neighbours exchanged counted once. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let steps = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        steps = Math.min(steps, (before[j - 2] ?? 0) + 1);
      }
      row.push(steps);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}

/** What a stranger sent, fit for a message: short, and no control characters. */
function printable(text: string): string {
  const short = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return short.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
