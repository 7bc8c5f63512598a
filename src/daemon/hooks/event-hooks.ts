// The event hooks of the configuration in force: finds out for which transitions each wants a message.

import type { EventView } from '../../api/events.ts';
import type { EventHooksView } from '../../api/metrics.ts';
import type { EventHook, Occasion } from '../../core/model/config.ts';
import { dateOf } from '../../runtime/wall-time.ts';
import { meansService } from '../../text/glob.ts';
import { type HookCounts, type HookOutside, HookQueue } from './queue.ts';

export class EventHooks implements Disposable {
  readonly #outside: HookOutside;
  readonly #counts: HookCounts = {
    sent: 0,
    failed: 0,
    dropped: { duplicate: 0, rate_limited: 0, queue_full: 0, shutdown: 0 },
  };
  #queues: readonly HookQueue[] = [];
  /** The transition by which each running service came up. */
  readonly #ups = new Map<string, EventView>();

  constructor(hooks: readonly EventHook[], outside: HookOutside) {
    this.#outside = outside;
    this.configure(hooks);
  }

  /** An unchanged hook keeps its queue and what it was told. */
  configure(hooks: readonly EventHook[]): void {
    const before = new Map(this.#queues.map((queue) => [JSON.stringify(queue.hook), queue]));
    this.#queues = hooks.map((hook) => {
      const key = JSON.stringify(hook);
      const same = before.get(key);
      before.delete(key);
      return same ?? new HookQueue(hook, this.#outside, this.#counts);
    });
    for (const queue of before.values()) queue[Symbol.dispose]();
  }

  note(event: EventView): void {
    const { service, to } = event;
    if (to === 'running') this.#ups.set(service, event);
    else this.#ups.delete(service);
    this.#tell(to, event);
  }

  /** The service has recovered: the hooks get the event by which it came up. */
  recovered(service: string): void {
    const up = this.#ups.get(service);
    if (up !== undefined) this.#tell('recovered', up);
  }

  /** The health probe of a running service came to another result: the hooks get the event by which it came up. */
  health(service: string, isHealthy: boolean, detail: string): void {
    const up = this.#ups.get(service);
    if (up === undefined) return;
    const at = dateOf(this.#outside.clock.unix()).toISOString();
    const reason = isHealthy ? up.reason : 'unhealthy';
    this.#tell(isHealthy ? 'healthy' : 'unhealthy', { ...up, at, reason, detail });
  }

  /** The service is no longer configured. */
  forget(service: string): void {
    this.#ups.delete(service);
    for (const queue of this.#queues) queue.forget(service);
  }

  view(): EventHooksView {
    const { sent, failed, dropped } = this.#counts;
    return { sent, failed, dropped: { ...dropped } };
  }

  [Symbol.dispose](): void {
    for (const queue of this.#queues) queue[Symbol.dispose]();
  }

  #tell(occasion: Occasion, event: EventView): void {
    for (const queue of this.#queues) {
      const { when, services } = queue.hook;
      if (!when.includes(occasion)) continue;
      if (services.some((pattern) => meansService(event.service, pattern))) queue.tell(occasion, event);
    }
  }
}
