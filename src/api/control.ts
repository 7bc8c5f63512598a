// What the daemon offers to HTTP: queries, streams and commands.

import type { Outcome } from '../core/model/effects.ts';
import type { SignalName } from '../core/model/spec.ts';
import type { CommandAction } from '../core/model/state.ts';
import type { EventView } from './events.ts';
import type { ServiceLog } from './logs.ts';
import type { MetricsView } from './metrics.ts';
import type { HandoverResult, ReloadResult, ScaleResult } from './reload.ts';
import type { RolloutAction, RolloutView } from './rollouts.ts';
import type { NodeView, StatusView } from './services.ts';
import type { WhyView } from './why.ts';

/** Queries change nothing. TCP clients get these and the streams, no commands. */
export interface Queries {
  status(): StatusView;
  rollouts(): readonly RolloutView[];
  /** The services with their dependencies. */
  graph(): readonly NodeView[];
  /** null: no such service. `showsOutput`: the answer quotes lines of the service's output. */
  why(service: string, showsOutput: boolean): WhyView | null;
  /** The last 1,000 transitions, oldest first. */
  recentEvents(): readonly EventView[];
  /** null: the service has no log file, its `log.mode` sends the output elsewhere. */
  logOf(service: string): ServiceLog | null;
  lastLines(service: string): readonly string[];
  live(): { readonly ok: boolean; readonly lagSeconds: number };
  /** `waiting`: names of the enabled services that are not up. */
  ready(): { readonly ok: boolean; readonly waiting: readonly string[] };
  metrics(): MetricsView;
}

/** Transitions, reported as they happen. */
export interface Streams {
  /** Calls `listener` for each transition until disposed. */
  events(listener: (event: EventView) => void): Disposable;
}

export type Order =
  | { readonly action: Exclude<CommandAction, 'signal' | 'stop'> }
  /** `cascade`: stop the dependents too, and first. Without it the stop is refused while a dependent is up. */
  | { readonly action: 'stop'; readonly cascade: boolean }
  | { readonly action: 'signal'; readonly signal: SignalName };

/** The outcome for one service, known when the command has finished there. */
export interface Answer {
  readonly service: string;
  readonly outcome: Promise<Outcome>;
}

export type Taken =
  | { readonly ok: true; readonly answers: readonly Answer[] }
  | { readonly ok: false; readonly code: 'needed' | 'failed'; readonly message: string };

/** Commands of an operator: only the control socket has them. */
export interface Commands {
  /** One command for one or many services. Resolves once it is known which services will answer. Never rejects. */
  order(order: Order, services: readonly string[], by: string): Promise<Taken>;
  /** A rollout command for one group; `services`: its instances. Resolves when the rollout is over. Never rejects. */
  rollout(action: RolloutAction, group: string, services: readonly string[], by: string): Promise<Outcome>;
  reload(options: { readonly dryRun: boolean; readonly allowEmpty: boolean }, by: string): Promise<ReloadResult>;
  /** Sets the number of instances; null: as in the file. The number is saved and in force when this returns. */
  scale(service: string, instances: number | null, by: string): ScaleResult;
  /** Whether the next opsd could take over. Changes nothing. */
  prepareHandover(by: string): Promise<HandoverResult>;
  handover(by: string): void;
  shutdown(by: string): void;
}
