// Requests of strangers wait for their turn: one in each turn of the loop, so that supervision waits for one at most.

import type { Millis } from '../../core/model/spec.ts';

/** More of one peer wait for nothing: the sender is told to come back. */
const MOST_OF_PEER = 128;
const MOST = 512;

/** For an answer that says: too many wait. */
export const COME_BACK_AFTER: Millis = 1_000;

type Work = () => void;

/** What is first goes before all else. Peers have their turn one after the other, whatever each has waiting. */
export class Turns {
  readonly #first: Work[] = [];
  readonly #waiting = new Map<string, Work[]>();
  #count = 0;
  #isTurning = false;

  /** false: too many wait already. */
  take(peer: string, work: Work): boolean {
    const own = this.#waiting.get(peer) ?? [];
    if (own.length >= MOST_OF_PEER || this.#count >= MOST) return false;
    own.push(work);
    this.#waiting.set(peer, own);
    this.#count += 1;
    this.#turn();
    return true;
  }

  /** For what is short and urgent, or only the rest of something that had its turn. */
  takeFirst(work: Work): void {
    this.#first.push(work);
    this.#turn();
  }

  #turn(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(() => {
      this.#isTurning = false;
      const work = this.#next();
      if (this.#first.length + this.#count > 0) this.#turn();
      work?.();
    });
  }

  #next(): Work | undefined {
    const first = this.#first.shift();
    if (first !== undefined) return first;
    const [entry] = this.#waiting;
    if (entry === undefined) return undefined;
    const [peer, own] = entry;
    const work = own.shift();
    this.#waiting.delete(peer);
    if (own.length > 0) this.#waiting.set(peer, own);
    this.#count -= 1;
    return work;
  }
}
