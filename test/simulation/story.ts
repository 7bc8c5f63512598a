// Plays a situation in the simulator and writes down what happens, second by second, for reading.

import { strict as assert } from 'node:assert';
import type { DaemonSpec } from '../../src/core/model/config.ts';
import type { Effect } from '../../src/core/model/effects.ts';
import type { Policy, ServiceSpec } from '../../src/core/model/spec.ts';
import type { Script } from './host.ts';
import { type Seen, Simulation } from './simulation.ts';
import { aConfig } from './specs.ts';

export const obedient: Script = {
  spawn: 'works',
  ends: null,
  obeysAfter: 100,
  diesAfter: 5,
  children: null,
  beats: null,
  newsTakes: 0,
};
export const stubborn: Script = { ...obedient, obeysAfter: null };
export const crashing: Script = { ...obedient, ends: { after: 50, code: 1 } };
export const steady: Partial<Policy> = { backoff: { initial: 100, factor: 2, max: 1600, jitter: 0 } };

/** When, and what is done then. */
export type Act = readonly [number, (simulation: Simulation) => void];

export interface Story {
  readonly services: readonly ServiceSpec[];
  readonly child: Script | ((service: string, generation: number) => Script);
  readonly acts: readonly Act[];
  readonly until: number;
  readonly concurrency?: number;
  readonly daemon?: Partial<DaemonSpec>;
}

/** Plays it, and writes down every change of state, signal, answer and alert. */
export function play({ services, child, acts, until, concurrency = 8, daemon = {} }: Story): string {
  const simulation = new Simulation(1, typeof child === 'function' ? child : () => child);
  simulation.boot(aConfig(services, { startConcurrency: concurrency, ...daemon }));
  for (const [at, act] of acts) {
    simulation.runUntil(at);
    act(simulation);
  }
  simulation.runUntil(until);
  return written(simulation.effects);
}

/** A line for each that people would notice. */
export function written(effects: readonly Seen<Effect>[]): string {
  return effects
    .flatMap(({ at, what }) => {
      const time = String(Math.round(at)).padEnd(6);
      switch (what.type) {
        case 'transition':
          return [`${time} ${what.service} ${what.from} → ${what.to} (${what.detail})`];
        case 'signal':
          return [`${time} ${what.service} ${what.signal} to its ${what.to}`];
        case 'kill':
          return [`${time} ${what.service} SIGKILL to its ${what.step === 'main' ? 'tree' : what.step}`];
        case 'spawn':
          return what.spec.policy.beforeStart === null && what.spec.policy.afterStop === null
            ? []
            : [`${time} ${what.service} ${what.step}`];
        case 'after_stop_failed':
          return [`${time} ${what.service} after_stop failed: ${what.detail}`];
        case 'answer':
          return [
            `${time} ${what.service} answer: ${what.outcome.ok ? 'ok' : what.outcome.code}, ${what.outcome.message}`,
          ];
        case 'refused':
          return [`${time} refused: ${what.message}`];
        case 'alert':
          return [`${time} ${what.service} CRITICAL ${what.message}`];
        case 'rollout':
          return [`${time} ${what.group} rollout ${what.what}: ${what.detail}`];
        case 'exit':
          return [`${time} opsd exits ${what.code}: ${what.why}`];
        default:
          return [];
      }
    })
    .join('\n');
}

/** Compares what happens with what is expected; indentation does not count. */
export function tells(story: Story, expected: string): void {
  assert.equal(play(story), expected.trim().replaceAll(/^ {4}/gm, ''));
}
