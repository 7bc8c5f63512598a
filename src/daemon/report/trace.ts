// Logs the events and effects of the core for log_level "debug" and filters such as "info,heartbeat=debug".

import { unreachable } from '../../core/life/transition.ts';
import type { Effect } from '../../core/model/effects.ts';
import type { Event } from '../../core/model/events.ts';
import type { Log } from '../../os/own-log/logger.ts';

export class Trace {
  readonly #heartbeat: Log;
  readonly #probes: Log;
  readonly #processes: Log;

  constructor(log: Log) {
    this.#heartbeat = log.component('heartbeat');
    this.#probes = log.component('probes');
    this.#processes = log.component('processes');
  }

  event(event: Event): void {
    if (!('generation' in event)) return;
    const { service, generation } = event;
    const step = 'step' in event && event.step !== undefined && event.step !== 'main' ? { step: event.step } : {};
    const whose = { service, generation, ...step };
    switch (event.type) {
      case 'heartbeat_checked':
        return this.#heartbeat.debug(event.changed ? 'beat' : 'no beat', whose);
      case 'probed':
        return this.#probes.debug(event.isGood ? 'yes' : 'no', { ...whose, detail: event.detail });
      case 'spawned':
        return this.#processes.debug('spawned', { ...whose, pid: event.pid });
      case 'spawn_failed':
        return this.#processes.debug('spawn failed', { ...whose, kind: event.kind, message: event.message });
      case 'exited':
        return this.#processes.debug('main process ended', {
          ...whose,
          code: event.exit.code,
          signal: event.exit.signal,
          others_left: event.left,
        });
      case 'tree_exited':
        return this.#processes.debug('no process is left', whose);
      case 'scan_failed':
        return this.#processes.debug('process scan failed', whose);
      case 'ready':
        return this.#probes.debug('reports ready', whose);
      case 'wrote':
        return this.#probes.debug('has begun to write', whose);
      case 'memory_exceeded':
        return this.#processes.debug('takes too much memory', { ...whose, detail: event.detail });
      default:
        return unreachable(event);
    }
  }

  effect(effect: Effect): void {
    switch (effect.type) {
      case 'spawn':
        return this.#processes.debug('spawn', {
          service: effect.service,
          generation: effect.generation,
          step: effect.step,
        });
      case 'signal': {
        const { service, generation, signal, to } = effect;
        return this.#processes.debug('signal', { service, generation, signal, to });
      }
      case 'kill':
        return this.#processes.debug('SIGKILL to all that is left', {
          service: effect.service,
          generation: effect.generation,
        });
      case 'probe': {
        const { service, generation, probe } = effect;
        return this.#probes.debug('asks', { service, generation, kind: probe.kind });
      }
      // The following effects are logged at other levels, or are part of every start.
      case 'check_heartbeat':
      case 'write_pid':
      case 'remove_pid':
      case 'settings':
      case 'transition':
      case 'skipped':
      case 'missed':
      case 'recovered':
      case 'after_stop_failed':
      case 'health':
      case 'answer':
      case 'taken':
      case 'refused':
      case 'alert':
      case 'rollout':
      case 'exit':
        return;
      default:
        return unreachable(effect);
    }
  }
}
