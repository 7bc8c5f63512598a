// The known word that a mistyped one was probably meant to be.

/** Longer words are not compared: nobody mistypes them, and the cost grows with their length. */
const LONGEST_WORD = 64;

/** Whoever slips more often than that in one word means another one. */
const MOST_SLIPS = 6;

/**
 * Cells of the tables of all candidates together, some 10 ms of work: with many thousands of candidates the ones beyond are not
 * looked at. A stranger may ask, and a word that is not found is no loss.
 */
const MOST_CELLS = 200_000;

/** `did you mean "command"?`, or nothing where no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates);
  return found === null ? '' : `did you mean "${found}"?`;
}

/** The candidate with the fewest slips (Damerau-Levenshtein) from `word`: at most a third of its letters, or one. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  // Nothing is one letter away from every name of one letter.
  if (word === '') return null;
  const wanted = word.slice(0, LONGEST_WORD).toLowerCase();
  const letters = lettersOf(wanted);
  let limit = Math.min(MOST_SLIPS, Math.max(1, Math.floor(wanted.length / 3)));
  let found: string | null = null;
  let cells = 0;
  for (const candidate of candidates) {
    const other = candidate.slice(0, LONGEST_WORD).toLowerCase();
    if (Math.abs(other.length - wanted.length) > limit || differing(letters, lettersOf(other)) > limit) continue;
    cells += wanted.length * Math.min(other.length, 2 * limit + 1);
    if (cells > MOST_CELLS) break;
    const distance = slips(wanted, other, limit);
    if (distance > limit || (found !== null && distance === limit)) continue;
    found = candidate;
    limit = distance;
  }
  return found;
}

/** Which letters a word has: one bit for each 32nd of the alphabet. */
function lettersOf(word: string): number {
  let letters = 0;
  for (let place = 0; place < word.length; place += 1) letters |= 1 << (word.charCodeAt(place) & 31);
  return letters;
}

/** The fewest slips between two words with these letters: each changes one letter into one other at most. */
function differing(some: number, others: number): number {
  return Math.max(countBits(some & ~others), countBits(others & ~some));
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

/** Up to `limit`; more than that is told as any number above it. Cells further from the diagonal are of no use. */
function slips(from: string, to: string, limit: number): number {
  const far = limit + 1;
  let before = new Uint8Array(to.length + 1).fill(far);
  let last = before.slice();
  let current = before.slice();
  for (let column = 0; column <= Math.min(to.length, limit); column += 1) last[column] = column;
  let leastBefore = 0;
  for (let row = 1; row <= from.length; row += 1) {
    const first = Math.max(1, row - limit);
    const end = Math.min(to.length, row + limit);
    const letter = from.charCodeAt(row - 1);
    current[first - 1] = first === 1 ? Math.min(row, far) : far;
    let least = current[first - 1] ?? far;
    for (let column = first; column <= end; column += 1) {
      const other = to.charCodeAt(column - 1);
      let cost = (last[column - 1] ?? far) + (letter === other ? 0 : 1);
      cost = Math.min(cost, (last[column] ?? far) + 1, (current[column - 1] ?? far) + 1);
      if (row > 1 && column > 1 && letter === to.charCodeAt(column - 2) && from.charCodeAt(row - 2) === other) {
        cost = Math.min(cost, (before[column - 2] ?? far) + 1);
      }
      cost = Math.min(cost, far);
      current[column] = cost;
      least = Math.min(least, cost);
    }
    if (end < to.length) current[end + 1] = far;
    // A swap reaches back over one row.
    if (least > limit && leastBefore > limit) return far;
    leastBefore = least;
    [before, last, current] = [last, current, before];
  }
  return last[to.length] ?? far;
}
