// Detects a slow disk: after two slow writes in a row (one may be a busy host) it is slow, after many quick ones it is
// not any more.

import type { Millis } from '../../core/model/spec.ts';

const SLOW: Millis = 20;
const PROOF_OF_SLOWNESS = 2;
const PROOF_OF_SPEED = 20;

export class Patience {
  #slowInARow = 0;
  #quickInARow = 0;
  #isOver = false;

  /** The disk is slow: writes should go to the background. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Notes the duration of a write. */
  took(time: Millis): void {
    const isSlow = time > SLOW;
    this.#slowInARow = isSlow ? this.#slowInARow + 1 : 0;
    this.#quickInARow = isSlow ? 0 : this.#quickInARow + 1;
    if (this.#slowInARow >= PROOF_OF_SLOWNESS) this.#isOver = true;
    if (this.#quickInARow >= PROOF_OF_SPEED) this.#isOver = false;
  }
}
