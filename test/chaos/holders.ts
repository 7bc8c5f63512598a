// Who holds the FIFO of a service from one look to the next: the kernel throws away what is in a FIFO that nobody holds.

/** What one look saw. */
interface Seen {
  /** The processes of the service that the look found, before it looked at what opsd has open. */
  readonly processes: readonly string[];
  /** The opsd that has the FIFO open; null: none has. */
  readonly daemon: string | null;
  /** Whether a process lives still, now that it is known what opsd has open. */
  lives(key: string): boolean;
}

interface Held {
  readonly holders: ReadonlySet<string>;
  /** For a moment since the last look nobody may have held the FIFO. */
  readonly hasGap: boolean;
}

/**
 * A look takes time: a process that is found at its beginning may be gone when opsd is found to have the FIFO open, and
 * opsd may have opened it after that. Only who lives through the whole look holds the FIFO as long as it takes, so that
 * one who is seen by two looks held it without a gap, and so did a chain of such holders.
 */
export class Holders {
  #before: ReadonlySet<string> = new Set();

  see({ processes, daemon, lives }: Seen): Held {
    const holders = new Set(processes.filter((key) => lives(key)));
    if (daemon !== null) holders.add(daemon);
    const hasGap = ![...this.#before].some((holder) => holders.has(holder));
    this.#before = holders;
    return { holders, hasGap };
  }
}
