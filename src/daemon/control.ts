// What HTTP may ask of the daemon, answered from the state, and carried out by the loop.

import type { Control, Order, Taken } from '../api/control.ts';
import type { EventView } from '../api/events.ts';
import type { ServiceLog } from '../api/logs.ts';
import type { MetricsView } from '../api/metrics.ts';
import type { ReloadResult, ScaleResult } from '../api/reload.ts';
import type { RolloutAction, RolloutView } from '../api/rollouts.ts';
import type { NodeView, ServiceView, StatusView } from '../api/services.ts';
import type { WhyView } from '../api/why.ts';
import { serviceOf } from '../core/fleet/ordering.ts';
import { isWanted } from '../core/life/transition.ts';
import type { Outcome } from '../core/model/effects.ts';
import type { Event } from '../core/model/events.ts';
import type { Millis, SignalName } from '../core/model/spec.ts';
import type { Service } from '../core/model/state.ts';
import { rolloutNote } from '../core/rollout/note.ts';
import type { JobRecord } from '../os/files/job-history.ts';
import type { Usage } from '../os/proc/usage.ts';
import { stopOwnUnit } from '../os/systemd/own-unit.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Loop } from '../runtime/loop.ts';
import type { Signalled, WhyFacts } from '../why/facts.ts';
import { explain } from '../why/why.ts';
import type { Configuration } from './configuration/configuration.ts';
import type { EventHooks } from './hooks/event-hooks.ts';
import type { Answers } from './report/answers.ts';
import type { Counters } from './report/counters.ts';
import type { EventHistory } from './report/event-history.ts';
import { viewRollouts } from './report/rollout-views.ts';
import { measureService, notUp, type OutputCounts, viewService } from './report/views.ts';
import type { Liveness } from './watch/liveness.ts';

interface Parts {
  readonly clock: Clock;
  readonly version: string;
  readonly startedAt: Millis;
  readonly loop: Loop;
  readonly answers: Answers;
  readonly chronicle: EventHistory;
  readonly tally: Counters;
  readonly configuration: Configuration;
  readonly pulse: Liveness;
  readonly adoption: { readonly adopted: number; readonly stopped: number };
  readonly eventHooks: EventHooks;
  usageOf(pid: number): Usage | undefined;
  outputOf(service: string): OutputCounts;
  lastLines(service: string): readonly string[];
  /** Unix milliseconds; null: it is no job, or has no next time. */
  nextRunOf(service: string): number | null;
  /** What is known of past runs of a job; null: it is none, or never ran. */
  jobOf(service: string): JobRecord | null;
  /** Does the kernel hold this generation to its limit of memory? */
  isHeld(service: string, generation: number): boolean;
  /** null: its output goes elsewhere. */
  logOf(service: string): ServiceLog | null;
  /** The folder of its heartbeat file, where that does not exist. */
  missingFolderOf(service: string): string | null;
  /** A wish of an operator is about to change. */
  wished(): void;
  /** null: opsd is not PID 1. */
  zombies(): number | null;
}

export class DaemonControl implements Control {
  readonly #parts: Parts;
  /** The last signal that each service was sent by an order: of it, no change of state tells. */
  readonly #signalled = new Map<string, Signalled>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  status(): StatusView {
    const { version, startedAt, configuration } = this.#parts;
    return {
      version: 1,
      daemon: { pid: process.pid, version, started_at: this.#parts.clock.wallAt(startedAt).toISOString() },
      groups: [...configuration.current.groups].map(([name, { instances, configured }]) => ({
        name,
        instances,
        configured,
      })),
      services: this.#inOrder().map((service) => this.#view(service)),
    };
  }

  /** As in the configuration, also what came to it later; what is no longer in it is the last. */
  #inOrder(): readonly Service[] {
    const { loop, configuration } = this.#parts;
    const places = new Map([...configuration.current.services.keys()].map((name, place) => [name, place]));
    const placeOf = ({ spec }: Service) => places.get(spec.name) ?? places.size;
    return [...loop.state.services].sort((a, b) => placeOf(a) - placeOf(b));
  }

  order(order: Order, services: readonly string[], by: string): Promise<Taken> {
    const { answers, loop } = this.#parts;
    if (order.action === 'signal') this.#noteSignal(order.signal, services, by);
    else this.#parts.wished();
    return answers.askAll((id) => loop.post({ type: 'order', id, ...order, services, by }));
  }

  #noteSignal(signal: SignalName, services: readonly string[], by: string): void {
    const { state } = this.#parts.loop;
    for (const name of this.#signalled.keys()) if (serviceOf(state, name) === undefined) this.#signalled.delete(name);
    for (const service of services) {
      const known = serviceOf(state, service);
      if (known !== undefined) this.#signalled.set(service, { signal, generation: known.generation, by });
    }
  }

  rollouts(): readonly RolloutView[] {
    return viewRollouts(this.#parts.loop.state, this.#parts.clock);
  }

  rollout(action: RolloutAction, group: string, services: readonly string[], by: string): Promise<Outcome> {
    return this.#ask((id) => {
      const whom = { type: 'rollout', id, group, by } as const;
      return action === 'restart' ? { ...whom, action, services } : { ...whom, action };
    });
  }

  graph(): readonly NodeView[] {
    return this.#parts.loop.state.services.map(({ spec, state }) => ({
      name: spec.name,
      state: state.name,
      depends_on: spec.policy.dependsOn,
      after: spec.policy.after,
    }));
  }

  async reload(options: { readonly dryRun: boolean; readonly allowEmpty: boolean }, by: string): Promise<ReloadResult> {
    return this.#parts.configuration.reload(options, by);
  }

  scale(service: string, instances: number | null, by: string): ScaleResult {
    const { loop, configuration } = this.#parts;
    if (loop.state.phase.name !== 'running') {
      return { ok: false, code: 'shutting_down', message: 'opsd is shutting down' };
    }
    const rollout = loop.state.rollouts.get(service);
    const isRejected =
      rollout?.kind === 'configuration' && (rollout.phase === 'stopped' || rollout.direction === 'back');
    const { instances: now = 0, configured = 0 } = configuration.current.groups.get(service) ?? {};
    if (isRejected && (instances ?? configured) > now) {
      const why = `the rollout of ${service} came to no good end, and more instances would be of the new form`;
      const remedy = `opsd ctl rollout status ${service}; correct the configuration, opsd ctl reload, then scale`;
      return { ok: false, code: 'not_as_configured', message: `${why}; see: ${remedy}` };
    }
    return configuration.scale(service, instances, by);
  }

  handover(by: string): void {
    this.#parts.loop.post({ type: 'handover', by });
  }

  /** Under systemd it is the unit that ends: else systemd would start it, and all services, again. */
  shutdown(by: string): void {
    void stopOwnUnit().then((isUnit) => {
      if (!isUnit) this.#parts.loop.post({ type: 'shutdown', by });
    });
  }

  why(service: string, showsOutput: boolean): WhyView | null {
    const known = serviceOf(this.#parts.loop.state, service);
    if (known === undefined) return null;
    const facts: WhyFacts = {
      service: known,
      view: this.#view(known),
      events: this.#parts.chronicle.recent().filter((event) => event.service === service),
      lastLines: this.lastLines(service),
      signalled: this.#signalled.get(service) ?? null,
      missingFolder: known.spec.policy.heartbeat === null ? null : this.#parts.missingFolderOf(service),
      refusal: this.#parts.configuration.refusal,
      wallAt: (instant) => this.#parts.clock.wallAt(instant),
      other: (name) => {
        const other = serviceOf(this.#parts.loop.state, name);
        return other === undefined ? undefined : this.#view(other);
      },
    };
    return explain(facts, showsOutput);
  }

  events(listener: (event: EventView) => void): Disposable {
    return this.#parts.chronicle.listen(listener);
  }

  recentEvents(): readonly EventView[] {
    return this.#parts.chronicle.recent();
  }

  logOf(service: string): ServiceLog | null {
    return this.#parts.logOf(service);
  }

  lastLines(service: string): readonly string[] {
    return this.#parts.lastLines(service);
  }

  live(): { readonly ok: boolean; readonly lagSeconds: number } {
    const { pulse } = this.#parts;
    return { ok: !pulse.isStalled, lagSeconds: pulse.lagSeconds };
  }

  ready(): { readonly ok: boolean; readonly waiting: readonly string[] } {
    const waiting = notUp(this.#parts.loop.state);
    return { ok: waiting.length === 0, waiting };
  }

  metrics(): MetricsView {
    const { version, loop, tally, configuration, pulse, adoption, eventHooks } = this.#parts;
    return {
      version,
      event_loop_lag_seconds: pulse.lagSeconds,
      config_last_reload_successful: configuration.isLastReloadGood,
      config_loaded_at_seconds: this.#parts.clock.wallAt(configuration.loadedAt).getTime() / 1_000,
      rollouts: tally.rollouts,
      reloads: configuration.reloads,
      adoption,
      event_hooks: eventHooks.view(),
      zombies: this.#parts.zombies(),
      services: loop.state.services.map((service) => {
        const pid = 'run' in service.state ? service.state.run.pid : null;
        const usage = pid === null ? undefined : this.#parts.usageOf(pid);
        const { name } = service.spec;
        return measureService(
          service,
          usage,
          tally,
          this.#parts.outputOf(name),
          this.#parts.jobOf(name),
          this.#parts.clock,
        );
      }),
      ready_seconds: tally.ready.view(),
      stop_seconds: tally.stop.view(),
    };
  }

  #view(service: Service): ServiceView {
    const pid = 'run' in service.state ? service.state.run.pid : null;
    const usage = pid === null ? undefined : this.#parts.usageOf(pid);
    const { nextRunOf, jobOf, isHeld } = this.#parts;
    const { name, launch } = service.spec;
    const { state } = service;
    const awaited = state.name === 'waiting' && state.on !== null ? serviceOf(this.#parts.loop.state, state.on) : null;
    const beside = {
      awaited: awaited ?? null,
      usage,
      nextRun: isWanted(service) ? nextRunOf(name) : null,
      job: jobOf(name),
      rollout: rolloutNote(this.#parts.loop.state, name),
      isMemoryHeld: launch.limits.memory !== null && isHeld(name, service.generation),
    };
    return viewService(service, beside, this.#parts.clock);
  }

  #ask(event: (id: number) => Event): Promise<Outcome> {
    const { answers, loop } = this.#parts;
    return answers.ask((id) => loop.post(event(id)));
  }
}
