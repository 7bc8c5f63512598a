// Finds which of many texts that begin alike stands at a place, in one walk over the place, however many there are.

/** How many steps a search may still take; negative: it was given up. */
export interface Steps {
  left: number;
}

interface Match {
  /** Characters of the longest of the texts that stands there; 0: none does. */
  readonly length: number;
  /** The text searched ends within one of the texts, or with it. */
  readonly isCut: boolean;
}

/** A trie, without its nodes: a node is a range of the sorted texts, those that agree up to its depth. */
export class CommonStart {
  readonly #texts: readonly string[];
  readonly #shared: number;

  /** `texts`: no two are the same, and all agree in their first `shared` characters. */
  constructor(texts: string[], shared: number) {
    // By UTF-16 units, so that the texts of a node stand together, the shortest first.
    this.#texts = texts.sort();
    this.#shared = shared;
  }

  /** The first `shared` characters at `start` are known to agree. */
  match(text: string, start: number, steps: Steps): Match {
    let low = 0;
    let high = this.#texts.length;
    let depth = this.#shared;
    let length = 0;
    while (low < high && steps.left >= 0) {
      // Where the first and the last of a range agree, so do all between.
      const first = this.#texts[low] ?? '';
      const last = this.#texts[high - 1] ?? '';
      const from = depth;
      const end = Math.min(first.length, text.length - start);
      while (depth < end) {
        const unit = text.charCodeAt(start + depth);
        if (first.charCodeAt(depth) !== unit || last.charCodeAt(depth) !== unit) break;
        depth += 1;
      }
      steps.left -= 1 + depth - from;
      const isWhole = depth === first.length;
      if (isWhole) length = depth;
      if (start + depth === text.length) return { length, isCut: true };
      if (isWhole) {
        low += 1;
        continue;
      }
      const unit = text.charCodeAt(start + depth);
      low = this.#firstFrom(unit, low, high, depth, steps);
      high = this.#firstFrom(unit + 1, low, high, depth, steps);
      depth += 1;
    }
    return { length, isCut: false };
  }

  /** The first text in the range whose unit at `depth` is not below `unit`. */
  #firstFrom(unit: number, from: number, to: number, depth: number, steps: Steps): number {
    let low = from;
    let high = to;
    while (low < high) {
      steps.left -= 1;
      const middle = (low + high) >>> 1;
      if ((this.#texts[middle] ?? '').charCodeAt(depth) < unit) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
