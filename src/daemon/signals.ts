// Signals to opsd itself as commands; signals that come before opsd can handle them wait.

type OrderName = 'shutdown' | 'handover' | 'reload' | 'reopen';
type SignalHandlers = Readonly<Record<OrderName, (signal: string) => void>>;

const MEANINGS: readonly (readonly [NodeJS.Signals, OrderName])[] = [
  ['SIGTERM', 'shutdown'],
  ['SIGINT', 'shutdown'],
  ['SIGHUP', 'reload'],
  ['SIGUSR1', 'reopen'],
  ['SIGUSR2', 'handover'],
];

/** Waiting signals of the same kind: a second shutdown signal means more than the first, a third does not. */
const MOST_WAITING = 2;

export class SignalCommands implements Disposable {
  readonly #waiting: { readonly order: OrderName; readonly signal: string }[] = [];
  readonly #listeners: (readonly [NodeJS.Signals, () => void])[] = [];
  #obedience: SignalHandlers | null = null;

  constructor() {
    for (const [signal, order] of MEANINGS) {
      const listener = () => this.#take(order, signal);
      process.on(signal, listener);
      this.#listeners.push([signal, listener]);
    }
  }

  /** Handles signals from now on; those that came before are handled at once, in order. */
  obey(obedience: SignalHandlers): void {
    this.#obedience = obedience;
    for (const { order, signal } of this.#waiting.splice(0)) obedience[order](signal);
  }

  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
  }

  #take(order: OrderName, signal: string): void {
    if (this.#obedience !== null) return this.#obedience[order](signal);
    if (this.#waiting.filter((waiting) => waiting.order === order).length < MOST_WAITING) {
      this.#waiting.push({ order, signal });
    }
  }
}
