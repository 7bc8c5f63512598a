// The known word that a mistyped one was probably meant to be.

/** Only so many letters of a word are compared, since the cost grows with them. */
const LONGEST_WORD = 64;

/** A word with more typing errors than this is another word. */
const MOST_SLIPS = 6;

/**
 * Bound of the work, about 10 ms: cells of the distance tables of all candidates together. Candidates beyond it are not
 * compared, since requests over HTTP can ask for any word, and a missing hint is no loss.
 */
const MOST_CELLS = 200_000;

/** `did you mean "command"?`, or an empty text if no candidate is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates);
  return found === null ? '' : `did you mean "${found}"?`;
}

/** The candidate with the least Damerau-Levenshtein distance to `word`: at most a third of its letters, or one. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  // The empty word would be near every name of one letter.
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

/** The set of letters of a word, as 32 bits: code points modulo 32. */
function lettersOf(word: string): number {
  let letters = 0;
  for (let place = 0; place < word.length; place += 1) letters |= 1 << (word.charCodeAt(place) & 31);
  return letters;
}

/** Lower bound of the distance of two words with these letters: one edit changes one letter at most. */
function differing(some: number, others: number): number {
  return Math.max(countBits(some & ~others), countBits(others & ~some));
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

/** The distance, if it is at most `limit`, else some greater number. Cells further from the diagonal cannot matter. */
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
    // A swap of two letters uses the row before the last, so that both rows must exceed the limit.
    if (least > limit && leastBefore > limit) return far;
    leastBefore = least;
    [before, last, current] = [last, current, before];
  }
  return last[to.length] ?? far;
}
