// Cuts texts that somebody else wrote, so that no message grows with them.

/** Characters of a foreign name within a message. */
export const LONGEST_NAME = 64;

/** The text, with `…` in place of what is over `most` characters. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  // Not between the two halves of a character.
  return `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
