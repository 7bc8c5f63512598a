// Detects a slow disk: after two slow writes in a row (one may be a busy host) it is slow, after many quick ones it is
// not any more.

import type { Millis } from '../../core/model/spec.ts';

const SLOW: Millis = 20;
const PROOF_OF_SLOWNESS = 2;
const PROOF_OF_SPEED = 20;

export class SlowDiskDetector {
  #slowInARow = 0;
  #quickInARow = 0;
  #isSlow = false;

  /** The disk is slow: writes should go to the background. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  /** Notes the duration of a write. */
  noteWrite(time: Millis): void {
    const isSlow = time > SLOW;
    this.#slowInARow = isSlow ? this.#slowInARow + 1 : 0;
    this.#quickInARow = isSlow ? 0 : this.#quickInARow + 1;
    if (this.#slowInARow >= PROOF_OF_SLOWNESS) this.#isSlow = true;
    if (this.#quickInARow >= PROOF_OF_SPEED) this.#isSlow = false;
  }
}
