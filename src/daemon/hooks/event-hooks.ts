// The hooks of the configuration in force: finds out which change of state each wants to be told of.

import type { EventView } from '../../api/events.ts';
import type { EventHooksView } from '../../api/metrics.ts';
import { serviceOf } from '../../core/fleet/ordering.ts';
import type { EventHook, Millis, Occasion } from '../../core/model/spec.ts';
import type { State } from '../../core/model/state.ts';
import { Alarm, monotonic } from '../../runtime/clock.ts';
import { meansService } from '../../text/glob.ts';
import { type HookCounts, type HookOutside, HookQueue } from './queue.ts';

/** Running again: a recovery, if it lasts until then. */
interface Hope {
  readonly event: EventView;
  readonly due: Millis;
}

export class EventHooks implements Disposable {
  readonly #state: () => State;
  readonly #outside: HookOutside;
  readonly #counts: HookCounts = {
    sent: 0,
    failed: 0,
    dropped: { duplicate: 0, rate_limited: 0, queue_full: 0, shutdown: 0 },
  };
  readonly #alarm = new Alarm(() => this.#lookAtHopes());
  #queues: readonly HookQueue[] = [];
  /** Failed, and have not been running for their `stable_after` since. */
  readonly #inTrouble: Set<string>;
  readonly #hopes = new Map<string, Hope>();

  /** `recalled`: the state that an earlier opsd left. */
  constructor(hooks: readonly EventHook[], recalled: State, state: () => State, outside: HookOutside) {
    this.#state = state;
    this.#outside = outside;
    const failed = recalled.services.filter(({ state: { name } }) => name === 'failed' || name === 'backoff');
    this.#inTrouble = new Set(failed.map(({ spec }) => spec.name));
    this.configure(hooks);
  }

  /** A hook that is as it was keeps what waits for it, and what it was told. */
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
    this.#hopes.delete(service);
    if (to === 'failed' || to === 'backoff') this.#inTrouble.add(service);
    if (to === 'running' && this.#inTrouble.has(service)) this.#hope(event);
    this.#tell(to, event);
  }

  /** The service is no longer configured. */
  forget(service: string): void {
    this.#inTrouble.delete(service);
    this.#hopes.delete(service);
    for (const queue of this.#queues) queue.forget(service);
  }

  view(): EventHooksView {
    const { sent, failed, dropped } = this.#counts;
    return { sent, failed, dropped: { ...dropped } };
  }

  [Symbol.dispose](): void {
    this.#alarm[Symbol.dispose]();
    for (const queue of this.#queues) queue[Symbol.dispose]();
  }

  #tell(occasion: Occasion, event: EventView): void {
    for (const queue of this.#queues) {
      const { when, services } = queue.hook;
      if (!when.includes(occasion)) continue;
      if (services.some((pattern) => meansService(event.service, pattern))) queue.tell(occasion, event);
    }
  }

  #hope(event: EventView): void {
    const stableAfter = serviceOf(this.#state(), event.service)?.spec.policy.stableAfter ?? 0;
    this.#hopes.set(event.service, { event, due: monotonic() + stableAfter });
    this.#setAlarm();
  }

  #lookAtHopes(): void {
    const now = monotonic();
    for (const [service, { event, due }] of this.#hopes) {
      if (due > now) continue;
      this.#hopes.delete(service);
      this.#inTrouble.delete(service);
      this.#tell('recovered', event);
    }
    this.#setAlarm();
  }

  #setAlarm(): void {
    let next: Millis | null = null;
    for (const { due } of this.#hopes.values()) next = Math.min(next ?? due, due);
    if (next !== null) this.#alarm.set(next - monotonic());
  }
}
