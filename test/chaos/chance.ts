// Chance that can be repeated: the same seed gives the same decisions.

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1): xorshift over a Weyl sequence. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  }

  /** With this probability. */
  is(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** undefined: there is nothing to choose from. */
  pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.next() * from.length)];
  }

  /** Each as often as its weight says. */
  weighted<T>(from: readonly (readonly [weight: number, choice: T])[]): T {
    let left = this.next() * from.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, choice] of from) {
      left -= weight;
      if (left < 0) return choice;
    }
    const [last] = from.slice(-1);
    if (last === undefined) throw new Error('nothing to choose from');
    return last[1];
  }

  /** A stream of its own: what it decides does not depend on how often others ask. */
  branch(): Chance {
    return new Chance(Math.floor(this.next() * 2 ** 32));
  }
}
