// `opsd ctl top`: a live table with keys, on the alternate screen of the terminal.

import type { StatusView } from '../../api/services.ts';
import type { Millis } from '../../core/model/spec.ts';
import { ConfigError, RuntimeError } from '../../errors.ts';
import { readStatus } from '../client/api.ts';
import type { Ctl, ExitCode } from '../command.ts';
import type { Terminal } from '../show/terminal.ts';
import { newModel, press, type TopModel, type TopOrder, withStatus } from './model.ts';
import { screenOf } from './screen.ts';

const LOOK_EVERY: Millis = 1_000;
/** opsd measures CPU and memory this often. */
const SAMPLE_EVERY: Millis = 5_000;
/** During a handover opsd does not answer for a moment; top ends only after this time. */
const LONGEST_ABSENCE: Millis = 10_000;

/** ENTER: alternate screen, hidden cursor, no wrapping at the right edge. LEAVE restores all three. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';

const KEYS: Readonly<Record<string, string>> = {
  '\u0003': 'ctrl-c',
  '\r': 'enter',
  '\n': 'enter',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u001b': 'escape',
  '\u001b[A': 'up',
  '\u001b[B': 'down',
  '\u001bOA': 'up',
  '\u001bOB': 'down',
  '\u001b[5~': 'pageup',
  '\u001b[6~': 'pagedown',
  '\u001b[H': 'home',
  '\u001b[F': 'end',
  '\u001b[1~': 'home',
  '\u001b[4~': 'end',
};

export async function showTop(ctl: Ctl): Promise<ExitCode> {
  if (!ctl.terminal.outIsTty || process.stdin.isTTY !== true) {
    throw new ConfigError('top needs a terminal; without one there is: opsd ctl status --watch');
  }
  // Ask once before entering the alternate screen, so that "opsd is not running" appears on the normal one.
  const top = new Top(ctl, await readStatus(ctl.client, ctl.operands));
  try {
    using _screen = takeScreen(ctl.terminal);
    await top.run();
  } catch (error) {
    throw error instanceof RuntimeError ? error : new RuntimeError(String(error));
  }
  return 0;
}

function takeScreen(terminal: Terminal): Disposable {
  process.stdin.setRawMode(true);
  process.stdin.setEncoding('utf8');
  terminal.out(ENTER);
  return {
    [Symbol.dispose]() {
      terminal.out(LEAVE);
      process.stdin.setRawMode(false);
      process.stdin.pause();
      process.stdin.unref();
    },
  };
}

class Top {
  readonly #ctl: Ctl;
  readonly #over = Promise.withResolvers<void>();
  #model: TopModel;
  #seenAt: Millis;
  #sampledAt: Millis;
  #isLooking = false;

  constructor(ctl: Ctl, status: StatusView) {
    this.#ctl = ctl;
    this.#seenAt = ctl.clock.now();
    this.#sampledAt = this.#seenAt;
    this.#model = withStatus(newModel(status), status, true);
  }

  async run(): Promise<void> {
    const { interrupt } = this.#ctl.terminal;
    const end = () => this.#over.resolve();
    const keys = (text: string) => this.#type(text);
    const draw = () => this.#draw();
    using _clock = this.#ctl.clock.every(LOOK_EVERY, () => void this.#look());
    interrupt.addEventListener('abort', end, { once: true });
    process.stdin.on('data', keys);
    process.stdin.on('end', end);
    process.stdout.on('resize', draw);
    if (interrupt.aborted) end();
    try {
      this.#draw();
      await this.#over.promise;
    } finally {
      process.stdin.off('data', keys);
      process.stdin.off('end', end);
      process.stdout.off('resize', draw);
    }
  }

  /** Reads the status; one request at a time, so that a slow opsd gets no more of them. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const status = await readStatus(this.#ctl.client, this.#ctl.operands);
      this.#seenAt = this.#ctl.clock.now();
      const isSample = this.#seenAt - this.#sampledAt >= SAMPLE_EVERY;
      if (isSample) this.#sampledAt = this.#seenAt;
      this.#model = withStatus(this.#model, status, isSample);
    } catch (error) {
      const message = messageOf(error);
      if (this.#ctl.clock.now() - this.#seenAt > LONGEST_ABSENCE) this.#over.reject(new RuntimeError(message));
      this.#model = { ...this.#model, message };
    }
    this.#isLooking = false;
    this.#draw();
  }

  #type(text: string): void {
    for (const key of keysOf(text)) {
      const [model, wish] = press(this.#model, key);
      this.#model = model;
      if (wish?.kind === 'quit') return this.#over.resolve();
      if (wish?.kind === 'order') void this.#order(wish.order);
    }
    this.#draw();
  }

  async #order({ action, service }: TopOrder): Promise<void> {
    this.#model = { ...this.#model, message: `${action} ${service} …` };
    try {
      await this.#ctl.client.post(`/api/v1/services/${encodeURIComponent(service)}/${action}`, {});
      this.#model = { ...this.#model, message: `${action} ${service}: done` };
    } catch (error) {
      this.#model = { ...this.#model, message: `${action} ${service}: ${messageOf(error)}` };
    }
    await this.#look();
  }

  #draw(): void {
    const { columns, rows } = process.stdout;
    const { terminal, clock } = this.#ctl;
    const lines = screenOf(this.#model, { columns, rows, hasColours: terminal.hasColours, now: clock.unix() });
    terminal.out(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`);
  }
}

/** Splits input into keys: letters and escape sequences, of which several may arrive at once. */
function keysOf(text: string): readonly string[] {
  const parts = text.match(/\p{Cc}(?:\[[\d;]*[A-Za-z~]|O[A-Z])?|\P{Cc}/gu) ?? [];
  return parts.map((part) => KEYS[part] ?? part);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
