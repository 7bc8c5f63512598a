// What opsd answers when it is asked about itself and its services; no question changes anything.

import { hostname } from 'node:os';
import type { Queries, Streams } from '../../api/control.ts';
import type { EventView } from '../../api/events.ts';
import type { ServiceLog } from '../../api/logs.ts';
import type { MetricsView } from '../../api/metrics.ts';
import type { RolloutView } from '../../api/rollouts.ts';
import type { NodeView, RefusedFilesView, ServiceView, StatusView } from '../../api/services.ts';
import type { WhyView } from '../../api/why.ts';
import { oneLine } from '../../config/report/problems.ts';
import { serviceOf } from '../../core/fleet/ordering.ts';
import { isWanted } from '../../core/life/transition.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Service } from '../../core/model/state.ts';
import { rolloutNote } from '../../core/rollout/note.ts';
import type { JobRecord } from '../../os/files/job-history.ts';
import type { ProcessUsage } from '../../os/proc/usage.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Loop } from '../../runtime/loop.ts';
import type { WhyFacts } from '../../why/facts.ts';
import { explain } from '../../why/why.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { EventHooks } from '../hooks/event-hooks.ts';
import type { Counters } from '../report/counters.ts';
import type { EventHistory } from '../report/event-history.ts';
import { viewRollouts } from '../report/rollout-views.ts';
import { measureService, notUp, type OutputCounts, viewService } from '../report/views.ts';
import type { Liveness } from '../watch/liveness.ts';
import type { LastSignals } from './last-signals.ts';

interface QueryParts {
  readonly clock: Clock;
  readonly version: string;
  readonly startedAt: Millis;
  readonly loop: Loop;
  readonly signals: LastSignals;
  readonly chronicle: EventHistory;
  readonly tally: Counters;
  readonly configuration: Configuration;
  readonly pulse: Liveness;
  readonly adoption: { readonly adopted: number; readonly stopped: number };
  readonly eventHooks: EventHooks;
  usageOf(pid: number): ProcessUsage | undefined;
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
  /** Why the heartbeat file of the service cannot be checked now; null: it can. */
  whyUnchecked(service: string): string | null;
  /** Unix milliseconds; null: there is no certificate in use. */
  certificateEndsAt(): Millis | null;
  /** null: opsd is not PID 1. */
  zombies(): number | null;
}

/** Problems of refused files that a status has. */
const MOST_PROBLEMS = 5;

export class DaemonQueries implements Queries, Streams {
  readonly #parts: QueryParts;

  constructor(parts: QueryParts) {
    this.#parts = parts;
  }

  status(): StatusView {
    const { clock, version, startedAt, configuration } = this.#parts;
    return {
      version: 1,
      daemon: {
        pid: process.pid,
        version,
        started_at: clock.wallAt(startedAt).toISOString(),
        host: hostname(),
        utc_offset_minutes: -clock.wallAt(clock.now()).getTimezoneOffset(),
      },
      groups: [...configuration.current.groups].map(([name, { instances, configured }]) => ({
        name,
        instances,
        configured,
      })),
      refused: this.#refused(),
      services: this.#inOrder().map((service) => this.#view(service)),
    };
  }

  #refused(): RefusedFilesView | null {
    const { refusal } = this.#parts.configuration;
    if (refusal === null) return null;
    const { problems } = refusal;
    const at = this.#parts.clock.wallAt(refusal.at).toISOString();
    return { at, problems: problems.slice(0, MOST_PROBLEMS).map(oneLine), count: problems.length };
  }

  /** As in the configuration, also what came to it later; what is no longer in it is the last. */
  #inOrder(): readonly Service[] {
    const { loop, configuration } = this.#parts;
    const places = new Map([...configuration.current.services.keys()].map((name, place) => [name, place]));
    const placeOf = ({ spec }: Service) => places.get(spec.name) ?? places.size;
    return [...loop.state.services].sort((a, b) => placeOf(a) - placeOf(b));
  }

  rollouts(): readonly RolloutView[] {
    return viewRollouts(this.#parts.loop.state, this.#parts.clock);
  }

  graph(): readonly NodeView[] {
    return this.#parts.loop.state.services.map(({ spec, state }) => ({
      name: spec.name,
      state: state.name,
      depends_on: spec.policy.dependsOn,
      after: spec.policy.after,
    }));
  }

  why(service: string, showsOutput: boolean): WhyView | null {
    const known = serviceOf(this.#parts.loop.state, service);
    if (known === undefined) return null;
    const facts: WhyFacts = {
      service: known,
      view: this.#view(known),
      events: this.#parts.chronicle.recent().filter((event) => event.service === service),
      lastLines: this.lastLines(service),
      signalled: this.#parts.signals.of(service),
      missingFolder: known.spec.policy.heartbeat === null ? null : this.#parts.missingFolderOf(service),
      uncheckedHeartbeat: known.spec.policy.heartbeat === null ? null : this.#parts.whyUnchecked(service),
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
    const certificateEnd = this.#parts.certificateEndsAt();
    return {
      version,
      event_loop_lag_seconds: pulse.lagSeconds,
      config_last_reload_successful: configuration.isLastReloadGood,
      config_loaded_at_seconds: this.#parts.clock.wallAt(configuration.loadedAt).getTime() / 1_000,
      rollouts: tally.rollouts,
      reloads: configuration.reloads,
      adoption,
      event_hooks: eventHooks.view(),
      tls_certificate_expiry_seconds: certificateEnd === null ? null : certificateEnd / 1_000,
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
}
