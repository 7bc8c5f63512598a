// A daemon without processes: services that obey orders after a moment, and tell of it as the real one does.

import type { Commands, Order, Queries, Streams, Taken } from '../../src/api/control.ts';
import type { EventView } from '../../src/api/events.ts';
import type { ServiceLog } from '../../src/api/logs.ts';
import type { MetricsView } from '../../src/api/metrics.ts';
import type { HandoverResult, ReloadResult, ScaleResult } from '../../src/api/reload.ts';
import type { RolloutAction, RolloutView } from '../../src/api/rollouts.ts';
import type { GroupView, NodeView, RefusedFilesView, ServiceView, StatusView } from '../../src/api/services.ts';
import type { WhyView } from '../../src/api/why.ts';
import { dependentsFirst, neededBy } from '../../src/core/fleet/ordering.ts';
import { UNASKED } from '../../src/core/life/health.ts';
import type { Outcome } from '../../src/core/model/effects.ts';
import { initialState, newService } from '../../src/core/model/initial.ts';
import type { CommandAction, Run, Service, State } from '../../src/core/model/state.ts';
import type { Reason, StateName } from '../../src/core/model/states.ts';
import { Counters } from '../../src/daemon/report/counters.ts';
import { serviceLog } from '../../src/os/log-file/service-log.ts';
import { aService } from '../simulation/specs.ts';

export interface FakeService extends ServiceView {
  /** What the next order ends in; default: it works. */
  readonly outcome?: Outcome;
  /** Names of services that it depends on. */
  readonly needs?: readonly string[];
}

const STARTED = Date.parse('2026-11-23T16:00:00.000Z');
const KEPT_EVENTS = 1_000;
const RUN: Run = {
  generation: 1,
  step: 'main',
  hookEndsAt: null,
  pid: 4711,
  startedAt: 0,
  overslept: 0,
  readyAt: 0,
  isAdopted: false,
  beat: { at: null, lostAt: null, lookAt: null },
  check: UNASKED,
};
export const UP = {
  state: 'running',
  pid: 4711,
  started_at: new Date(STARTED).toISOString(),
  stable_at: new Date(STARTED).toISOString(),
} as const;

export function service(name: string, fields: Partial<FakeService> = {}): FakeService {
  return {
    name,
    state: 'stopped',
    pid: null,
    generation: 1,
    restarts: 0,
    failures_in_a_row: 0,
    since: new Date(STARTED).toISOString(),
    started_at: null,
    exit: null,
    reason: 'as the configuration says',
    next_attempt_at: null,
    heartbeat_age_seconds: null,
    cpu_ratio: null,
    memory_bytes: null,
    adopted: false,
    unstable_until: null,
    completed: false,
    tags: [],
    memory_limit: null,
    last_run: null,
    rollout: null,
    healthy: null,
    last_probe_failure: null,
    stable_at: null,
    ...fields,
  };
}

export class FakeControl implements Queries, Streams, Commands {
  readonly services = new Map<string, FakeService>();
  /** What was asked for, in order: `restart web by …`. */
  readonly orders: string[] = [];
  /** Names of instances that do not come up. */
  readonly failing = new Set<string>();
  readonly logFiles = new Map<string, string>();
  readonly lines = new Map<string, readonly string[]>();
  groups: GroupView[] = [];
  handoverResult: HandoverResult = { ok: true, unit: null };
  refused: RefusedFilesView | null = null;
  /** What a scale is answered; default: it works, and instances come up and go. */
  scaleResult: ScaleResult | null = null;
  rolloutViews: readonly RolloutView[] = [];
  rolloutOutcome: Outcome = { ok: true, message: 'web: restarted: 2 services ready' };
  reloadResult: ReloadResult = { ok: true, changes: [], daemon: [], hostProblems: [] };
  liveness = { ok: true, lagSeconds: 0 };
  /** Orders wait for it. */
  gate: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<(event: EventView) => void>();
  readonly #events: EventView[] = [];
  readonly tally = new Counters();
  #lastId = 0;

  constructor(services: readonly FakeService[] = []) {
    for (const each of services) this.services.set(each.name, each);
  }

  /** Number of those who listen to events. */
  get listeners(): number {
    return this.#listeners.size;
  }

  change(name: string, to: StateName, fields: Partial<ServiceView> = {}, reason: Reason = 'operator'): void {
    const before = this.services.get(name) ?? service(name);
    const isUp = to === 'running' || to === 'starting';
    const after: FakeService = {
      ...before,
      state: to,
      since: new Date().toISOString(),
      pid: isUp ? (before.pid ?? 5000 + this.#lastId) : null,
      started_at: isUp ? (before.started_at ?? new Date().toISOString()) : null,
      stable_at: null,
      ...fields,
    };
    this.services.set(name, after);
    const event: EventView = {
      id: ++this.#lastId,
      at: new Date().toISOString(),
      service: name,
      from: before.state,
      to,
      generation: after.generation,
      pid: after.pid,
      reason,
      detail: after.reason,
      exit: after.exit,
      failures_in_a_row: after.failures_in_a_row,
      next_attempt_at: after.next_attempt_at,
    };
    this.#events.push(event);
    if (this.#events.length > KEPT_EVENTS) this.#events.shift();
    this.tally.note(
      {
        type: 'transition',
        service: name,
        from: before.state,
        to,
        generation: after.generation,
        pid: after.pid,
        reason,
        detail: after.reason,
        exit: null,
        failuresInARow: after.failures_in_a_row,
        nextAttemptAt: null,
      },
      performance.now(),
    );
    for (const listener of this.#listeners) listener(event);
  }

  status(): StatusView {
    const services = [...this.services.values()].map(({ outcome: _, needs: __, ...view }) => view);
    return {
      version: 1,
      daemon: {
        pid: process.pid,
        version: '0.1.0',
        started_at: new Date(STARTED).toISOString(),
        host: 'bear',
        utc_offset_minutes: 330,
      },
      groups: this.groups,
      refused: this.refused,
      services,
    };
  }

  scale(name: string, instances: number | null, by: string): ScaleResult {
    this.orders.push(`scale ${name} ${instances} by ${by}`);
    if (this.scaleResult !== null) return this.scaleResult;
    const group = this.groups.find((one) => one.name === name);
    if (group === undefined) return { ok: false, code: 'unknown_service', message: `there is no service '${name}'` };
    const next = { ...group, instances: instances ?? group.configured };
    this.groups = this.groups.map((one) => (one === group ? next : one));
    const names = (from: number, to: number) =>
      Array.from({ length: Math.max(0, to - from) }, (_, index) => `${name}@${from + index + 1}`);
    const added = names(group.instances, next.instances);
    const removed = names(next.instances, group.instances);
    for (const one of added) this.change(one, 'starting');
    for (const one of removed) this.change(one, 'stopping');
    void this.gate.then(() => {
      for (const one of added) {
        const isBad = this.failing.has(one);
        this.change(one, isBad ? 'backoff' : 'running', { reason: isBad ? 'exit code 3' : 'ready' });
      }
      for (const one of removed) {
        this.change(one, 'stopped');
        this.services.delete(one);
      }
    });
    return { ok: true, group: next, before: group.instances, added, removed };
  }

  rollouts(): readonly RolloutView[] {
    return this.rolloutViews;
  }

  async rollout(action: RolloutAction, group: string, services: readonly string[], by: string): Promise<Outcome> {
    this.orders.push(`rollout ${action} ${group} [${services.join(' ')}] by ${by}`);
    await this.gate;
    return this.rolloutOutcome;
  }

  graph(): readonly NodeView[] {
    return [...this.services.values()].map(({ name, state, needs = [] }) => ({
      name,
      state,
      depends_on: needs.map((service) => ({ service, until: 'ready' })),
      after: [],
    }));
  }

  async order(order: Order, names: readonly string[], by: string): Promise<Taken> {
    if (order.action === 'signal') {
      const { signal } = order;
      return { ok: true, answers: names.map((name) => ({ service: name, outcome: this.#signal(name, signal, by) })) };
    }
    const { action } = order;
    const state = this.#state();
    const others = action === 'stop' ? neededBy(state, names) : [];
    if (action === 'stop' && !order.cascade && others.length > 0) {
      const message = `${names.join(',')} cannot be stopped alone: needed by ${others.join(',')}`;
      return { ok: false, code: 'needed', message };
    }
    const all = [...names, ...others];
    const inOrder = action === 'stop' || action === 'restart' ? dependentsFirst(state, all) : all;
    const outcomes = new Map<string, Promise<Outcome>>();
    for (const name of inOrder) {
      const needing = inOrder.filter((other) => this.services.get(other)?.needs?.includes(name));
      const before = action === 'stop' ? needing.flatMap((other) => outcomes.get(other) ?? []) : [];
      const carryOut = () => this.#order(action, name, by);
      outcomes.set(name, before.length === 0 ? carryOut() : Promise.all(before).then(carryOut));
    }
    return { ok: true, answers: [...outcomes].map(([service, outcome]) => ({ service, outcome })) };
  }

  /** As much of it as who needs whom takes. */
  #state(): State {
    const services = [...this.services.values()].map(({ name, state, needs = [] }): Service => {
      const dependsOn = needs.map((service) => ({ service, until: 'ready' as const }));
      const known = newService(aService(name, { dependsOn }), 1, 0);
      const isUp = state === 'running' || state === 'starting';
      return isUp ? { ...known, state: { name: 'running', deadline: null, run: RUN } } : known;
    });
    const slots = new Map(services.map(({ spec }, slot) => [spec.name, slot]));
    return { ...initialState(1), services, slots };
  }

  async #order(action: Exclude<CommandAction, 'signal'>, name: string, by: string): Promise<Outcome> {
    this.orders.push(`${action} ${name} by ${by}`);
    if (action === 'stop' || action === 'restart') this.change(name, 'stopping', { reason: `${action} by ${by}` });
    await this.gate;
    const forced = this.services.get(name)?.outcome;
    if (forced !== undefined) {
      if (!forced.ok) this.change(name, 'failed', { reason: forced.message }, 'exit_code');
      return forced;
    }
    if (action === 'reset') return { ok: true, message: `${name}: failures forgotten` };
    this.change(name, action === 'stop' ? 'stopped' : 'running', { reason: `${action} by ${by}` });
    return { ok: true, message: action === 'stop' ? 'stopped' : 'running' };
  }

  async #signal(name: string, signal: `SIG${string}`, by: string): Promise<Outcome> {
    this.orders.push(`${signal} ${name} by ${by}`);
    return this.services.get(name)?.pid == null
      ? { ok: false, code: 'not_running', message: `${name} does not run` }
      : { ok: true, message: `${signal} sent` };
  }

  async reload(options: { dryRun: boolean; allowEmpty: boolean }, by: string): Promise<ReloadResult> {
    this.orders.push(`reload ${JSON.stringify(options)} by ${by}`);
    return this.reloadResult;
  }

  async prepareHandover(by: string): Promise<HandoverResult> {
    this.orders.push(`may hand over ${by}`);
    return this.handoverResult;
  }

  handover(by: string): void {
    this.orders.push(`handover by ${by}`);
  }

  shutdown(by: string): void {
    this.orders.push(`shutdown by ${by}`);
  }

  why(name: string, showsOutput: boolean): WhyView | null {
    const found = this.services.get(name);
    if (found === undefined) return null;
    return {
      version: 1,
      service: name,
      state: found.state,
      since: found.since,
      summary: `${name} is ${found.state}: ${found.reason}.`,
      evidence: [
        { label: 'generation', text: String(found.generation) },
        { label: '16:10:00.123', text: 'running → failed: exit code 3', at: '2026-11-28T10:40:00.123Z' },
      ],
      last_lines: showsOutput ? this.lastLines(name) : [],
      next: 'nothing',
      next_at: found.next_attempt_at,
      commands: [`opsd ctl logs ${name}`],
    };
  }

  events(listener: (event: EventView) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  recentEvents(): readonly EventView[] {
    return this.#events;
  }

  logOf(name: string): ServiceLog | null {
    const path = this.logFiles.get(name);
    return path === undefined ? null : serviceLog(path, process.geteuid?.() ?? 0);
  }

  lastLines(name: string): readonly string[] {
    return this.lines.get(name) ?? [];
  }

  live(): { ok: boolean; lagSeconds: number } {
    return this.liveness;
  }

  ready(): { ok: boolean; waiting: string[] } {
    const waiting = [...this.services.values()].filter(({ state }) => state !== 'running').map(({ name }) => name);
    return { ok: waiting.length === 0, waiting };
  }

  metrics(): MetricsView {
    return {
      version: '0.1.0',
      event_loop_lag_seconds: this.liveness.lagSeconds,
      config_last_reload_successful: this.reloadResult.ok,
      config_loaded_at_seconds: STARTED / 1000,
      rollouts: { begun: 2, done: 1, stopped: 1 },
      reloads: { applied: 1, refused: 0 },
      adoption: { adopted: 0, stopped: 0 },
      tls_certificate_expiry_seconds: 1_800_000_000,
      zombies: 0,
      event_hooks: { sent: 3, failed: 1, dropped: { duplicate: 2 } },
      ready_seconds: this.tally.ready.view(),
      stop_seconds: this.tally.stop.view(),
      services: [...this.services.values()].map((each) => ({
        name: each.name,
        state: each.state,
        ...this.tally.of(each.name),
        started_at_seconds: each.started_at === null ? null : Date.parse(each.started_at) / 1000,
        last_exit_code: each.exit?.code ?? null,
        failures_in_a_row: each.failures_in_a_row,
        heartbeat_age_seconds: each.heartbeat_age_seconds,
        heartbeat_timeout_seconds: each.heartbeat_age_seconds === null ? null : 30,
        cpu_ratio: each.cpu_ratio,
        cpu_seconds: 1.5,
        memory_bytes: each.memory_bytes,
        memory_limit_bytes: each.memory_limit?.bytes ?? null,
        healthy: null,
        probe_failures_in_a_row: null,
        log_bytes: 1024,
        log_dropped_bytes: 0,
        job_last_success_seconds: each.last_run?.result === 'success' ? STARTED / 1000 : null,
        job_last_duration_seconds: each.last_run?.duration_seconds ?? null,
        job_last_run_successful: each.last_run === null ? null : each.last_run.result === 'success',
      })),
    };
  }
}
