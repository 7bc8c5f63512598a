// What happened, for whoever has to find out why; and how a broken promise ends the run.

export class Violation extends Error {
  override readonly name = 'Violation';
}

const KEPT = 60;

export class Record {
  readonly #startedAt = performance.now();
  readonly #events: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #verbose: boolean;

  #last = '';
  #trouble: Error | null = null;

  constructor(verbose: boolean) {
    this.#verbose = verbose;
  }

  /** The first trouble ends the run: `check` throws it where somebody waits. */
  fail(error: unknown): void {
    this.#trouble ??= error instanceof Error ? error : new Error(String(error));
  }

  check(): void {
    if (this.#trouble) throw this.#trouble;
  }

  /** Seconds since the start. */
  get elapsed(): number {
    return (performance.now() - this.#startedAt) / 1_000;
  }

  /** What is the same as before is not told again. */
  note(event: string): void {
    if (event === this.#last) return;
    this.#last = event;
    const line = `${this.elapsed.toFixed(2).padStart(8)} ${event}`;
    this.#events.push(line);
    if (this.#events.length > KEPT) this.#events.shift();
    if (this.#verbose) console.log(line);
  }

  count(what: string, by = 1): void {
    this.#counts.set(what, this.counted(what) + by);
  }

  counted(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  get counts(): readonly (readonly [what: string, count: number])[] {
    return [...this.#counts];
  }

  get events(): readonly string[] {
    return this.#events;
  }
}
