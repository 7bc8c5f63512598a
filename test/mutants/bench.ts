// Processes that try faults, started anew when one hangs.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Catch, Measurement, Question, Reply } from './trial.ts';

/** All tests without a fault. */
const LONGEST = 600_000;
/** A process keeps the modules of every world: after that many it is replaced. */
const MOST_WORLDS = 60;

/** One process at a time, which answers one question after the other. */
export class Bench implements AsyncDisposable {
  readonly #tree: string;
  readonly #files: readonly string[];
  #child: ChildProcess | null = null;
  #worlds = 0;

  constructor(tree: string, files: readonly string[]) {
    this.#tree = tree;
    this.#files = files;
  }

  async measure(faults: number, sources: readonly string[], most: number): Promise<Measurement> {
    const reply = await this.#ask({ type: 'measure', faults, sources, most }, LONGEST);
    if (reply?.type === 'measured') return reply;
    throw new Error('the tests do not end');
  }

  /** Which test notices the fault; null: none does. What takes longer than `limit` goes round for ever. */
  async try(question: Exclude<Question, { type: 'measure' }>, limit: number): Promise<Catch | null> {
    if (question.type === 'load') this.#worlds += 1;
    const reply = await this.#ask(question, limit);
    return reply?.type === 'tried' ? reply.by : { file: '', name: 'it goes round for ever' };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** null: there is no answer, and the process is gone. */
  async #ask(question: Question, limit: number): Promise<Reply | null> {
    if (this.#worlds > MOST_WORLDS) await this[Symbol.asyncDispose]();
    const child = this.#child ?? (await this.#begin());
    const replied = Promise.withResolvers<Reply | null>();
    const onMessage = (reply: Reply) => replied.resolve(reply);
    const onEnd = () => replied.resolve(null);
    child.once('message', onMessage);
    child.once('exit', onEnd);
    const timer = setTimeout(onEnd, limit);
    child.send(question);
    const reply = await replied.promise;
    clearTimeout(timer);
    child.off('message', onMessage);
    child.off('exit', onEnd);
    if (reply === null) await this[Symbol.asyncDispose]();
    return reply;
  }

  async #begin(): Promise<ChildProcess> {
    this.#worlds = 0;
    const { UPDATE: _, ...env } = process.env;
    const child = fork(join(import.meta.dirname, 'trial.ts'), [this.#tree, ...this.#files], {
      env,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    const ended = once(child, 'exit').then(() => {
      throw new Error('the tests cannot be loaded');
    });
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {});
    return child;
  }
}
