// The queue of one event hook: bounded, without repetitions, limited in rate, with retries.

import type { EventView } from '../../api/events.ts';
import type { EventHook, Occasion } from '../../core/model/config.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Fields } from '../../os/own-log/logger.ts';
import type { Delivery, HookMessage } from '../../os/watch/event-hooks.ts';
import type { Alarm, Clock } from '../../runtime/clock.ts';
import { hookMessage } from './message.ts';

type DropReason = 'duplicate' | 'rate_limited' | 'queue_full' | 'shutdown';

export interface HookCounts {
  sent: number;
  failed: number;
  readonly dropped: Record<DropReason, number>;
}

export interface HookLimits {
  /** Waits between attempts; their number limits the attempts. */
  readonly retries: readonly Millis[];
  readonly waiting: number;
  /** The same event of the same service is delivered once in this time. */
  readonly window: Millis;
  /** Deliveries at once; then one more for each `pace` that has passed. */
  readonly burst: number;
  readonly pace: Millis;
}

const LIMITS: HookLimits = {
  retries: [100, 200, 400, 800, 1_600],
  waiting: 100,
  window: 30_000,
  burst: 60,
  pace: 1_000,
};

export interface HookOutside {
  readonly clock: Clock;
  deliver(hook: EventHook, message: HookMessage, aborted: AbortSignal): Promise<Delivery>;
  warn(message: string, fields: Fields): void;
}

interface PendingEvent {
  readonly occasion: Occasion;
  readonly event: EventView;
}

/** What the hook was told of a service. */
interface Notified {
  readonly at: Map<Occasion, Millis>;
  last: Occasion | null;
  /** Held back as a repetition; delivered after `window` if it is still news. */
  postponed: PendingEvent | null;
}

export class HookQueue implements Disposable {
  readonly hook: EventHook;
  readonly #outside: HookOutside;
  readonly #counts: HookCounts;
  readonly #limits: HookLimits;
  readonly #waiting: PendingEvent[] = [];
  readonly #told = new Map<string, Notified>();
  readonly #end = new AbortController();
  readonly #clock: Clock;
  readonly #later: Alarm;
  #isBusy = false;
  #hasHeld = false;
  #credit: number;
  #creditAt: Millis;

  constructor(hook: EventHook, outside: HookOutside, counts: HookCounts, limits: HookLimits = LIMITS) {
    this.hook = hook;
    this.#outside = outside;
    this.#clock = outside.clock;
    this.#later = this.#clock.alarm(() => this.#enqueuePostponed());
    this.#creditAt = this.#clock.now();
    this.#counts = counts;
    this.#limits = limits;
    this.#credit = limits.burst;
  }

  /** Returns at once; the delivery goes on in the background. */
  tell(occasion: Occasion, event: EventView): void {
    const told = this.#toldOf(event.service);
    const at = told.at.get(occasion);
    if (told.postponed !== null) this.#drop('duplicate');
    told.postponed = null;
    if (at === undefined || this.#clock.now() - at >= this.#limits.window)
      return this.#accept({ occasion, event }, told);
    if (told.last === occasion) return this.#drop('duplicate');
    told.postponed = { occasion, event };
    if (this.#hasHeld) return;
    this.#hasHeld = true;
    this.#later.set(this.#limits.window - (this.#clock.now() - at));
  }

  /** The service is no longer configured. */
  forget(service: string): void {
    this.#told.delete(service);
  }

  [Symbol.dispose](): void {
    this.#end.abort();
    this.#later[Symbol.dispose]();
    this.#counts.dropped.shutdown += this.#waiting.splice(0).length;
  }

  #accept(news: PendingEvent, told: Notified): void {
    told.postponed = null;
    if (!this.#hasCredit()) return this.#drop('rate_limited');
    if (this.#waiting.length >= this.#limits.waiting) {
      this.#credit += 1;
      return this.#drop('queue_full');
    }
    told.at.set(news.occasion, this.#clock.now());
    told.last = news.occasion;
    this.#waiting.push(news);
    // In a later turn of the event loop: the core is in the middle of a step.
    if (!this.#isBusy) this.#clock.soon(() => void this.#work());
    this.#isBusy = true;
  }

  #enqueuePostponed(): void {
    const now = this.#clock.now();
    let next: Millis | null = null;
    for (const told of this.#told.values()) {
      if (told.postponed === null) continue;
      const due = (told.at.get(told.postponed.occasion) ?? 0) + this.#limits.window;
      if (due <= now) this.#accept(told.postponed, told);
      else next = Math.min(next ?? due, due);
    }
    this.#hasHeld = next !== null;
    if (next !== null) this.#later.set(next - now);
  }

  /** Delivers one event after the other, in order. */
  async #work(): Promise<void> {
    for (let news = this.#waiting.shift(); news !== undefined; news = this.#waiting.shift()) {
      const { isDelivered, detail, tries } = await this.#try(news);
      if (this.#end.signal.aborted && !isDelivered) this.#counts.dropped.shutdown += 1;
      else if (isDelivered) this.#counts.sent += 1;
      else {
        this.#counts.failed += 1;
        const { service } = news.event;
        this.#outside.warn('event hook failed', { hook: this.hook.name, service, when: news.occasion, detail, tries });
      }
    }
    this.#isBusy = false;
  }

  async #try({ occasion, event }: PendingEvent): Promise<Delivery & { readonly tries: number }> {
    const message = hookMessage(occasion, event);
    for (let tries = 1; ; tries += 1) {
      const delivery = await this.#outside.deliver(this.hook, message, this.#end.signal);
      const wait = this.#limits.retries[tries - 1];
      if (delivery.isDelivered || !delivery.isTransient || wait === undefined) return { ...delivery, tries };
      await this.#pause(wait);
      if (this.#end.signal.aborted) return { ...delivery, tries };
    }
  }

  async #pause(span: Millis): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using alarm = this.#clock.alarm(resolve);
    alarm.set(span);
    const stop = () => resolve();
    this.#end.signal.addEventListener('abort', stop, { once: true });
    await promise;
    this.#end.signal.removeEventListener('abort', stop);
  }

  #hasCredit(): boolean {
    const now = this.#clock.now();
    this.#credit = Math.min(this.#limits.burst, this.#credit + (now - this.#creditAt) / this.#limits.pace);
    this.#creditAt = now;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  #drop(reason: DropReason): void {
    this.#counts.dropped[reason] += 1;
  }

  #toldOf(service: string): Notified {
    const known = this.#told.get(service);
    if (known !== undefined) return known;
    const told: Notified = { at: new Map(), last: null, postponed: null };
    this.#told.set(service, told);
    return told;
  }
}
