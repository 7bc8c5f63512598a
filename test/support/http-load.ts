// HTTP requests without a pause, each on a connection of its own, and what became of them.

import { ask } from './requests.ts';
import { waitFor } from './wait.ts';

const LIMIT_MS = 60_000;

export class HttpLoad implements AsyncDisposable {
  /** Bodies of good answers, and how many there were of each. */
  readonly answers = new Map<string, number>();
  /** Whatever else came of a request. */
  readonly failures: string[] = [];
  readonly #ends: readonly Promise<void>[];
  #isOver = false;

  /** As many requests at a time as `workers`, until it is disposed. */
  constructor(port: number, workers: number) {
    this.#ends = Array.from({ length: workers }, () => this.#work(port));
  }

  get count(): number {
    return [...this.answers.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Until that many more were answered well. */
  async more(count: number): Promise<void> {
    const from = this.count;
    await waitFor(`${count} more answers`, () => this.count >= from + count, LIMIT_MS);
  }

  async #work(port: number): Promise<void> {
    while (!this.#isOver) {
      try {
        const { status, body } = await ask({ host: '127.0.0.1', port }, 'GET', '/');
        if (status === 200 && body !== '') this.answers.set(body, (this.answers.get(body) ?? 0) + 1);
        else this.failures.push(`${status} ${body}`);
      } catch (error) {
        this.failures.push(String(error));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#ends);
  }
}
