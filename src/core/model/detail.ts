// Bounds the reason of a change in words: services and their users write parts of it, and the state file keeps it.

/** Characters. */
const LONGEST = 1024;

/** The detail, with `…` in place of what is over the bound. */
export function boundedDetail(detail: string): string {
  if (detail.length <= LONGEST) return detail;
  // Not between the two halves of a character.
  return `${detail.slice(0, LONGEST - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
