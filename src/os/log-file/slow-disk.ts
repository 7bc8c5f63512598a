// Is a disk slow? Two slow writes in a row say so (one may have been a machine under load), many quick ones that it is over.

import type { Millis } from '../../core/model/spec.ts';

const SLOW: Millis = 20;
const PROOF_OF_SLOWNESS = 2;
const PROOF_OF_SPEED = 20;

export class Patience {
  #slowInARow = 0;
  #quickInARow = 0;
  #isOver = false;

  /** Writes are better done in the background. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** A write took that long. */
  took(time: Millis): void {
    const isSlow = time > SLOW;
    this.#slowInARow = isSlow ? this.#slowInARow + 1 : 0;
    this.#quickInARow = isSlow ? 0 : this.#quickInARow + 1;
    if (this.#slowInARow >= PROOF_OF_SLOWNESS) this.#isOver = true;
    if (this.#quickInARow >= PROOF_OF_SPEED) this.#isOver = false;
  }
}
