// A queue of TCP requests: each turn of the loop answers one, so that supervision waits for one request at most.

import type { Millis } from '../../core/model/spec.ts';

/** Requests of one peer that may wait; further ones are answered 503 with Retry-After. */
const MOST_OF_PEER = 128;
const MOST = 512;

/** The value of Retry-After. */
export const COME_BACK_AFTER: Millis = 1_000;

type RequestWork = () => void;

/** Urgent work goes first; then the peers take turns, however many requests each has waiting. */
export class Turns {
  readonly #first: RequestWork[] = [];
  readonly #waiting = new Map<string, RequestWork[]>();
  #count = 0;
  #isTurning = false;

  /** false: too many requests wait already. */
  take(peer: string, work: RequestWork): boolean {
    const own = this.#waiting.get(peer) ?? [];
    if (own.length >= MOST_OF_PEER || this.#count >= MOST) return false;
    own.push(work);
    this.#waiting.set(peer, own);
    this.#count += 1;
    this.#turn();
    return true;
  }

  /** For work that is short and urgent, or the second part of a request that had its turn. */
  takeFirst(work: RequestWork): void {
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

  #next(): RequestWork | undefined {
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
