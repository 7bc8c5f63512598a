// Hands each effect to the port or observer that carries it out.

import type { AlertReason, Effect, Outcome, RolloutNews, Transition } from '../core/model/effects.ts';
import type { ServiceSpec } from '../core/model/spec.ts';
import { isLiveState } from '../core/model/states.ts';
import type { Heartbeats, Outputs, PidFiles, Probes, Processes } from './ports.ts';

export interface Ports {
  readonly processes: Processes;
  readonly pidFiles: PidFiles;
  readonly heartbeats: Heartbeats;
  readonly outputs: Outputs;
  readonly probes: Probes;
}

/** What is told of effects: the log, metrics, events, the state file, answers to commands. */
export interface EffectObserver {
  transition(transition: Transition): void;
  /** The command was accepted, and these services answer it. */
  taken(id: number, services: readonly string[]): void;
  /** The command was refused. */
  refused(id: number, code: 'needed', message: string): void;
  answer(id: number, service: string, outcome: Outcome): void;
  alert(service: string, reason: AlertReason, message: string): void;
  rollout(group: string, what: RolloutNews, detail: string): void;
  health(service: string, isHealthy: boolean, detail: string): void;
  skipped(service: string): void;
  missed(service: string): void;
  recovered(service: string): void;
  afterStopFailed(service: string, generation: number, detail: string): void;
  settings(service: string, spec: ServiceSpec | null): void;
  exit(code: number, why: string): void;
}

export function perform(effect: Effect, ports: Ports, audience: EffectObserver): void {
  switch (effect.type) {
    case 'transition':
      // The generation is gone: its last output belongs before the output of the next one.
      if (isLiveState(effect.from) && (!isLiveState(effect.to) || effect.to === 'starting'))
        ports.outputs.endOfGeneration(effect.service);
      return audience.transition(effect);
    case 'spawn':
      if (effect.step !== 'after_stop')
        ports.heartbeats.begin(effect.service, effect.generation, effect.spec.launch.heartbeatFile);
      return ports.processes.spawn(effect.service, effect.generation, effect.spec, effect.step);
    case 'signal':
      return ports.processes.signal(effect.service, effect.generation, effect.signal, effect.to, effect.step);
    case 'kill':
      return ports.processes.kill(effect.service, effect.generation, effect.step);
    case 'after_stop_failed':
      return audience.afterStopFailed(effect.service, effect.generation, effect.detail);
    case 'write_pid':
      return ports.pidFiles.write(effect.service, effect.pid);
    case 'remove_pid':
      return ports.pidFiles.remove(effect.service);
    case 'check_heartbeat':
      return ports.heartbeats.check(effect.service, effect.generation, effect.file);
    case 'probe':
      return ports.probes.ask(effect.service, effect.generation, effect.probe, effect.timeout);
    case 'missed':
      return audience.missed(effect.service);
    case 'skipped':
      return audience.skipped(effect.service);
    case 'recovered':
      return audience.recovered(effect.service);
    case 'health':
      return audience.health(effect.service, effect.isHealthy, effect.detail);
    case 'settings':
      ports.outputs.settings(effect.service, effect.spec);
      return audience.settings(effect.service, effect.spec);
    case 'answer':
      return audience.answer(effect.id, effect.service, effect.outcome);
    case 'taken':
      return audience.taken(effect.id, effect.services);
    case 'refused':
      return audience.refused(effect.id, effect.code, effect.message);
    case 'alert':
      return audience.alert(effect.service, effect.reason, effect.message);
    case 'rollout':
      return audience.rollout(effect.group, effect.what, effect.detail);
    case 'exit':
      return audience.exit(effect.code, effect.why);
    default:
      return unreachable(effect);
  }
}

function unreachable(effect: never): never {
  throw new Error(`an effect nobody carries out: ${JSON.stringify(effect)}`);
}
