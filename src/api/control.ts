// What the daemon offers to HTTP: questions, streams and commands.

import type { Outcome } from '../core/model/effects.ts';
import type { SignalName } from '../core/model/spec.ts';
import type { CommandAction } from '../core/model/state.ts';
import type { EventView } from './events.ts';
import type { ServiceLog } from './logs.ts';
import type { MetricsView } from './metrics.ts';
import type { ReloadResult, ScaleResult } from './reload.ts';
import type { RolloutAction, RolloutView } from './rollouts.ts';
import type { NodeView, StatusView } from './services.ts';
import type { WhyView } from './why.ts';

/** Questions: their answers change nothing. All that TCP may ask. */
interface Queries {
  status(): StatusView;
  rollouts(): readonly RolloutView[];
  /** Who needs whom. */
  graph(): readonly NodeView[];
  /** null: no such service. `showsOutput`: with lines that it wrote. */
  why(service: string, showsOutput: boolean): WhyView | null;
  /** The last 1,000, oldest first. */
  recentEvents(): readonly EventView[];
  /** Absolute; null: its output goes elsewhere (`log.mode`). */
  logOf(service: string): ServiceLog | null;
  lastLines(service: string): readonly string[];
  live(): { readonly ok: boolean; readonly lagSeconds: number };
  /** `waiting`: names of the enabled services that are not up. */
  ready(): { readonly ok: boolean; readonly waiting: readonly string[] };
  metrics(): MetricsView;
}

/** What is told as it happens. */
interface Streams {
  /** Tells of changes of state as they happen until disposed. */
  events(listener: (event: EventView) => void): Disposable;
}

export type Order =
  | { readonly action: Exclude<CommandAction, 'signal' | 'stop'> }
  /** `cascade`: with what needs one of them, which is stopped first; without, it is refused where there is any. */
  | { readonly action: 'stop'; readonly cascade: boolean }
  | { readonly action: 'signal'; readonly signal: SignalName };

/** What one service answers, when it came to rest. */
export interface Answer {
  readonly service: string;
  readonly outcome: Promise<Outcome>;
}

export type Taken =
  | { readonly ok: true; readonly answers: readonly Answer[] }
  | { readonly ok: false; readonly code: 'needed' | 'failed'; readonly message: string };

/** Commands of an operator: only the control socket has them. */
interface Commands {
  /** One order to one service or many; resolves as soon as it is known who answers it. Never rejects. */
  order(order: Order, services: readonly string[], by: string): Promise<Taken>;
  /** Of one service; `services`: which of its instances. Resolves when the rollout is over. Never rejects. */
  rollout(action: RolloutAction, group: string, services: readonly string[], by: string): Promise<Outcome>;
  reload(options: { readonly dryRun: boolean; readonly allowEmpty: boolean }, by: string): Promise<ReloadResult>;
  /** Another number of instances; null: that of the file. It is kept, and in force, when it is answered. */
  scale(service: string, instances: number | null, by: string): ScaleResult;
  handover(by: string): void;
  shutdown(by: string): void;
}

export interface Control extends Queries, Streams, Commands {}
