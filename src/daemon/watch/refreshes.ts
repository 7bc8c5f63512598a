// When the configuration is made anew for services that lacked something: once for all that changed in one look, and
// seldom for one that still lacks it, as its user may change what it depends on as often as he likes.

import type { Millis } from '../../core/model/spec.ts';
import type { Alarm, Clock } from '../../runtime/clock.ts';

/** Others that changed in the same look are waited for. */
const GATHERING: Millis = 100;
/** Between two refreshes, and the first pause of a service. */
const PAUSE: Millis = 2_000;
const LONGEST_PAUSE: Millis = 60_000;

interface RefreshesOptions {
  /** Never throws. */
  readonly refresh: (services: readonly string[]) => void;
  readonly clock: Pick<Clock, 'now' | 'alarm'>;
}

/** The pause of a service after a refresh for it. */
interface Pause {
  readonly length: Millis;
  readonly until: Millis;
}

export class Refreshes implements Disposable {
  readonly #options: RefreshesOptions;
  readonly #alarm: Alarm;
  /** Services that wait for a refresh. */
  readonly #due = new Set<string>();
  readonly #pauses = new Map<string, Pause>();
  /** The earliest time of the next refresh. */
  #next: Millis;
  #ringsAt: Millis = Number.POSITIVE_INFINITY;

  constructor(options: RefreshesOptions) {
    this.#options = options;
    this.#next = options.clock.now();
    this.#alarm = options.clock.alarm(() => this.#ring());
  }

  ask(service: string): void {
    this.#due.add(service);
    this.#set();
  }

  /** Services that lack nothing any more are forgotten, with their pauses. */
  keepOnly(isLacking: (service: string) => boolean): void {
    for (const service of this.#pauses.keys()) if (!isLacking(service)) this.#pauses.delete(service);
    for (const service of this.#due) if (!isLacking(service)) this.#due.delete(service);
  }

  #set(): void {
    if (this.#due.size === 0) return;
    const now = this.#options.clock.now();
    const first = Math.min(...[...this.#due].map((service) => this.#untilOf(service)));
    const at = Math.max(now + GATHERING, this.#next, first);
    if (at >= this.#ringsAt) return;
    this.#ringsAt = at;
    this.#alarm.set(at - now);
  }

  #ring(): void {
    this.#ringsAt = Number.POSITIVE_INFINITY;
    const now = this.#options.clock.now();
    const services = [...this.#due].filter((service) => this.#untilOf(service) <= now);
    for (const service of services) {
      this.#due.delete(service);
      const length = Math.min(LONGEST_PAUSE, (this.#pauses.get(service)?.length ?? PAUSE / 2) * 2);
      this.#pauses.set(service, { length, until: now + length });
    }
    if (services.length > 0) {
      this.#next = now + PAUSE;
      this.#options.refresh(services);
    }
    this.#set();
  }

  #untilOf(service: string): Millis {
    return this.#pauses.get(service)?.until ?? 0;
  }

  [Symbol.dispose](): void {
    this.#alarm[Symbol.dispose]();
  }
}
