// The known word that a mistyped one was probably meant to be.

/** Longer words are not compared: nobody mistypes them, and the cost grows with the square. */
const LONGEST_WORD = 64;

/** `did you mean "command"?`, or nothing where no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates);
  return found === null ? '' : `did you mean "${found}"?`;
}

/** The candidate with the fewest slips (Damerau-Levenshtein) from `word`: at most a third of its letters, or one. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  // Nothing is one letter away from every name of one letter.
  if (word === '') return null;
  const wanted = word.toLowerCase().slice(0, LONGEST_WORD);
  let limit = Math.max(1, Math.floor(wanted.length / 3));
  let found: string | null = null;
  for (const candidate of candidates) {
    const distance = slips(wanted, candidate.toLowerCase().slice(0, LONGEST_WORD), limit);
    if (distance > limit || (found !== null && distance === limit)) continue;
    found = candidate;
    limit = distance;
  }
  return found;
}

function slips(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) > limit) return limit + 1;
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, at(before, column - 2) + 1);
      current.push(cost);
    }
    before = last;
    last = current;
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
