// A clock that only moves when told, and what is to happen when.

interface Due {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

export class Scheduler {
  now = 0;
  #count = 0;
  readonly #due: Due[] = [];

  in(delay: number, act: () => void): void {
    this.#due.push({ at: this.now + delay, order: this.#count++, act });
  }

  /** Time of the next act; null: nothing is to happen. */
  get next(): number | null {
    return this.#earliest()?.at ?? null;
  }

  /** Moves to the next act and lets it happen. */
  advance(): void {
    const due = this.#earliest();
    if (due === undefined) return;
    this.#due.splice(this.#due.indexOf(due), 1);
    this.now = Math.max(this.now, due.at);
    due.act();
  }

  #earliest(): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#due) {
      if (first === undefined || due.at < first.at || (due.at === first.at && due.order < first.order)) first = due;
    }
    return first;
  }
}
