// The real core, the real loop and the real performer on a host, a clock and operators that are not there; all is kept.

import { strict as assert } from 'node:assert';
import { adopt } from '../../src/core/adoption/adopt.ts';
import { savedServices } from '../../src/core/adoption/saved-service.ts';
import type { Config } from '../../src/core/model/config.ts';
import type { Effect, Outcome, Transition } from '../../src/core/model/effects.ts';
import type { Event } from '../../src/core/model/events.ts';
import { initialState } from '../../src/core/model/initial.ts';
import type { State } from '../../src/core/model/state.ts';
import { Loop } from '../../src/runtime/loop.ts';
import { type EffectObserver, perform } from '../../src/runtime/perform.ts';
import { Host, type ScriptOf } from './host.ts';
import { assertInvariants } from './invariants.ts';
import { Scheduler } from './scheduler.ts';
import { fingerprintOf } from './specs.ts';

export interface Seen<T> {
  readonly at: number;
  readonly what: T;
}

/** How often opsd looks for what a service lacks. */
export const LOOK_PERIOD = 2_000;

export class Simulation {
  readonly scheduler = new Scheduler();
  readonly host: Host;
  readonly transitions: Seen<Transition>[] = [];
  readonly effects: Seen<Effect>[] = [];
  readonly asked = new Map<number, string>();
  readonly answers = new Map<number, Outcome[]>();
  /** Whom the last order for each service was for. */
  readonly together = new Map<string, ReadonlySet<string>>();
  /** Who is to answer each order. */
  readonly #taken = new Map<number, readonly string[]>();
  readonly alerts: Seen<string>[] = [];
  /** `untold`: ends of processes of which opsd had not heard then. */
  exited: { readonly at: number; readonly code: number; readonly untold: number } | null = null;
  /** Called after each step. */
  check: (simulation: Simulation, event: Event) => void = () => {};
  #loop: Loop;
  #eventsInTurn = 0;
  #nextOrder = 1;
  readonly #ended = new Set<string>();
  /** The effects are what is kept; who is told of them in the daemon, is not there. */
  readonly #audience: EffectObserver = {
    transition: () => {},
    taken: () => {},
    refused: () => {},
    answer: () => {},
    alert: () => {},
    rollout: () => {},
    health: () => {},
    skipped: () => {},
    missed: () => {},
    recovered: () => {},
    afterStopFailed: () => {},
    settings: () => {},
    exit: (code) => {
      this.exited = { at: this.now, code, untold: this.host.untold };
    },
  };

  constructor(seed: number, scriptOf: ScriptOf) {
    this.host = new Host(this.scheduler, (event) => this.post(event), scriptOf);
    this.#loop = new Loop(initialState(seed), this.scheduler.clock);
  }

  get state(): State {
    return this.#loop.state;
  }

  get now(): number {
    return this.scheduler.now;
  }

  boot(config: Config): void {
    this.post({ type: 'configured', config, isFirst: true });
    this.#begin();
  }

  /** A handover that is not refused, and the start of the next daemon. */
  handOver(config: Config): void {
    this.post({ type: 'handover', by: 'test' });
    assert.equal(this.exited?.code, 0);
    this.exited = null;
    this.crash(config, true);
  }

  /** kill -9 of the daemon, and the start of the next one, which finds the state file or does not. */
  crash(config: Config, hasMemory: boolean): void {
    for (const id of this.asked.keys()) if (this.answers.get(id)?.length !== this.owedBy(id)) this.asked.delete(id);
    const memories = hasMemory ? savedServices(this.state, fingerprintOf) : [];
    const survivors = this.host.survive();
    this.#ended.clear();
    const { state, effects } = adopt(config, { saved: memories, survivors }, fingerprintOf, this.state.seed, this.now);
    this.#loop[Symbol.dispose]();
    this.#loop = new Loop(state, this.scheduler.clock);
    this.host.reportOrphans();
    for (const effect of effects) this.#perform(effect);
    this.post({ type: 'configured', config, isFirst: true });
    this.#begin();
  }

  /**
   * opsd is stopped for that long (SIGSTOP, a suspended host), while the host goes on. Then its timers come first, as
   * after SIGSTOP; or news of the host, as when it did not get the CPU.
   */
  oversleep(gap: number, first: 'timers' | 'news' = 'timers'): void {
    this.scheduler.now += gap;
    this.scheduler.advance(first === 'timers' ? null : false);
  }

  /** The program of a service is gone. A service that runs runs on. */
  vanish(service: string): void {
    this.host.lacking.add(service);
  }

  /** The program is there again: the next look sees it. `config`: made anew by then, as opsd does. */
  giveBack(service: string, config: () => Config): void {
    this.host.lacking.delete(service);
    this.scheduler.in(LOOK_PERIOD, () => {
      if (this.exited !== null || this.host.lacking.has(service)) return;
      this.post({ type: 'configured', config: config(), isFirst: false });
      this.post({ type: 'host_ready', service });
    });
  }

  order(action: 'start' | 'stop' | 'restart' | 'run' | 'reset', service: string): number {
    return this.orderAll(action, [service]);
  }

  /** `cascade`: of a stop. */
  orderAll(
    action: 'start' | 'stop' | 'restart' | 'run' | 'reset',
    services: readonly string[],
    cascade = false,
  ): number {
    const id = this.#nextOrder++;
    this.asked.set(id, `${action} ${services}`);
    const whom = { id, services, by: 'test' };
    this.post({ type: 'order', ...(action === 'stop' ? { action, cascade } : { action }), ...whom });
    return id;
  }

  rollout(action: 'restart' | 'undo' | 'retry', group: string, services: readonly string[] = []): number {
    const id = this.#nextOrder++;
    this.asked.set(id, `${action} ${group}`);
    const whom = { id, group, by: 'test' };
    this.post({ type: 'rollout', ...(action === 'restart' ? { action, services } : { action }), ...whom });
    return id;
  }

  stateOf(service: string): string {
    const slot = this.state.slots.get(service);
    return slot === undefined ? 'forgotten' : (this.state.services[slot]?.state.name ?? 'forgotten');
  }

  /** Who is to answer an order; nobody when it was refused. */
  taken(id: number): readonly string[] {
    return this.#taken.get(id) ?? [];
  }

  /** How many answers there are to be. */
  owedBy(id: number): number {
    return Math.max(1, this.taken(id).length);
  }

  /** Who is on the way down. */
  leaving(): ReadonlySet<string> {
    const leaving = this.state.services.filter(({ state }) => 'next' in state);
    return new Set(leaving.map(({ spec }) => spec.name));
  }

  /** Lets time pass until `end`, or until the daemon is over. */
  runUntil(end: number): void {
    for (let turns = 0; this.exited === null; turns += 1) {
      assert.ok(turns < 200_000, 'the world does not come to rest');
      const { next } = this.scheduler;
      if (next === null || next > end) break;
      this.scheduler.advance();
    }
    this.scheduler.now = Math.max(this.now, end);
  }

  post(event: Event): void {
    this.#loop.post(event);
  }

  #begin(): void {
    this.#loop.begin({
      perform: (event, effects) => {
        this.#eventsInTurn += 1;
        assert.ok(this.#eventsInTurn < 1_000, 'events follow from each other without end');
        this.#noteEnd(event);
        for (const effect of effects) this.#perform(effect);
        assertInvariants(this.state, this.now);
        this.check(this, event);
      },
      onIdle: () => {
        this.#eventsInTurn = 0;
      },
    });
  }

  #noteEnd(event: Event): void {
    if (
      event.type === 'tree_exited' ||
      event.type === 'spawn_failed' ||
      (event.type === 'exited' && event.left === 0)
    ) {
      this.#ended.add(`${event.service}.${event.generation}.${event.step ?? 'main'}`);
    }
  }

  #perform(effect: Effect): void {
    this.effects.push({ at: this.now, what: effect });
    if (effect.type === 'signal' || effect.type === 'kill') {
      const whom = `${effect.service}.${effect.generation}.${effect.step}`;
      assert.ok(!this.#ended.has(whom), `a ${effect.type} for ${whom}, which has ended`);
    }
    if (effect.type === 'transition') this.transitions.push({ at: this.now, what: effect });
    if (effect.type === 'alert') this.alerts.push({ at: this.now, what: `${effect.service} ${effect.reason}` });
    if (effect.type === 'taken') {
      this.#taken.set(effect.id, effect.services);
      for (const service of effect.services) this.together.set(service, new Set(effect.services));
    }
    if (effect.type === 'refused')
      this.answers.set(effect.id, [{ ok: false, code: 'failed', message: effect.message }]);
    if (effect.type === 'answer') this.answers.set(effect.id, [...(this.answers.get(effect.id) ?? []), effect.outcome]);
    perform(effect, this.host.ports, this.#audience);
  }
}
