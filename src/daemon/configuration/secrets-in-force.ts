// The secrets to mask: those of the configuration in force, and of earlier ones as long as a generation runs that knows
// them.

import type { Millis } from '../../core/model/spec.ts';
import type { State } from '../../core/model/state.ts';
import type { Clock } from '../../runtime/clock.ts';
import { type Masks, SecretMasks } from '../../text/masks.ts';

/** Living generations by service. */
type Living = ReadonlyMap<string, number>;

export function livingIn({ services }: State): Living {
  const up = services.filter(({ state }) => 'run' in state);
  return new Map(up.map(({ spec, generation }) => [spec.name, generation]));
}

interface Earlier {
  /** The secrets that the next configuration no longer had. */
  readonly texts: ReadonlySet<string>;
  readonly knownTo: Living;
  readonly since: Millis;
}

/** Hooks and probes in progress know the secrets of when they began; they end before this time is over. */
const SHORTEST: Millis = 600_000;
/** Upper limits: beyond them the oldest are forgotten, even if a generation still runs. */
const MOST_KEPT = 32;
const MOST_TEXTS = 10_000;

export class SecretsInForce implements Masks {
  #current: ReadonlySet<string>;
  #masks: SecretMasks;
  #earlier: readonly Earlier[] = [];
  readonly #clock: Pick<Clock, 'now'>;

  constructor(first: SecretMasks, clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.#masks = first;
    this.#current = first.texts;
  }

  /** Another configuration comes into force. */
  replace(next: SecretMasks, living: Living): void {
    const now = this.#clock.now();
    const isKnown = ({ knownTo, since }: Earlier) =>
      now - since < SHORTEST || [...knownTo].some(([service, generation]) => living.get(service) === generation);
    const gone = this.#current.difference(next.texts);
    const all = gone.size > 0 ? [...this.#earlier, { texts: gone, knownTo: living, since: now }] : this.#earlier;
    const kept: Earlier[] = [];
    const texts = new Set(next.texts);
    for (const earlier of all.filter(isKnown).slice(-MOST_KEPT).reverse()) {
      if (texts.size + earlier.texts.size > next.texts.size + MOST_TEXTS) break;
      for (const text of earlier.texts) texts.add(text);
      kept.unshift(earlier);
    }
    this.#earlier = kept;
    this.#current = next.texts;
    this.#masks = texts.size === next.texts.size ? next : new SecretMasks(texts);
  }

  finds(text: string): boolean {
    return this.#masks.finds(text);
  }

  hide(text: string): string {
    return this.#masks.hide(text);
  }

  hideCut(text: string): string {
    return this.#masks.hideCut(text);
  }
}
