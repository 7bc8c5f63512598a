// Names in a sentence: `"web", "api" and 7 more`.

/** A message names no more than this. */
const MOST_NAMED = 3;

export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMED).map((name) => `"${name}"`);
  const left = names.length - shown.length;
  const last = left > 0 ? `${left} more` : shown.pop();
  return `${shown.join(', ')} and ${last}`;
}
