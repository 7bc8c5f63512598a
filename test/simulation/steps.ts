// An oracle for the steps of runs: a service after its before_start, its after_stop after all of it, no hook beyond its time.

import { strict as assert } from 'node:assert';
import type { Transition } from '../../src/core/model/effects.ts';
import { isLiveState, type Step } from '../../src/core/model/states.ts';
import type { Simulation } from './simulation.ts';

export class Steps {
  /** `web.3` to the steps of that run which were begun. */
  readonly #begun = new Map<string, Step[]>();
  #seen = 0;

  /** After each step. */
  check(simulation: Simulation): void {
    const news = simulation.effects.slice(this.#seen);
    this.#seen = simulation.effects.length;
    for (const { what } of news) {
      if (what.type === 'spawn') this.#checkSpawn(`${what.service}.${what.generation}`, what.step, what.spec.policy);
      if (what.type !== 'transition' || what.reason === 'adopted') continue;
      if (isLiveState(what.from) && (!isLiveState(what.to) || what.to === 'starting')) this.#checkEnd(simulation, what);
    }
    for (const { spec, state } of simulation.state.services) {
      if (!('run' in state)) continue;
      const { step, hookEndsAt, pid } = state.run;
      const whose = `${spec.name} (${state.name}, ${step})`;
      assert.ok(step === 'main' || pid === null, `${whose}: a hook has no PID file`);
      assert.ok(step !== 'main' || hookEndsAt === null, `${whose}: only a hook has a time to end`);
      assert.ok(step !== 'before_start' || state.name !== 'running', `${whose}: up before it was started`);
      assert.ok(step !== 'after_stop' || 'next' in state, `${whose}: up after it was stopped`);
      const ends = state.deadline ?? Number.POSITIVE_INFINITY;
      assert.ok(hookEndsAt === null || ends <= hookEndsAt, `${whose}: a hook is looked at when its time is over`);
      const isKilled =
        state.name === 'killing' || state.run.isAdopted || hookEndsAt !== null || state.name === 'stopping';
      assert.ok(step !== 'before_start' || isKilled, `${whose}: a before_start without an end`);
    }
  }

  /** The next opsd may count generations anew. */
  crash(): void {
    this.#begun.clear();
  }

  /** Of the generation that has ended; the next one may have begun with that. */
  #checkEnd({ state }: Simulation, { service, generation, to }: Transition): void {
    const policy = state.services[state.slots.get(service) ?? -1]?.spec.policy;
    const steps = this.#begun.get(`${service}.${to === 'starting' ? generation - 1 : generation}`);
    if (policy === undefined || steps === undefined) return;
    assert.equal(steps.includes('after_stop'), policy.afterStop !== null, `${service}: after_stop before the end`);
  }

  #checkSpawn(run: string, step: Step, policy: { readonly beforeStart: unknown; readonly afterStop: unknown }): void {
    const before = this.#begun.get(run) ?? [];
    assert.ok(!before.includes(step), `${run}: ${step} is begun twice`);
    if (step === 'before_start') assert.deepEqual(before, [], `${run}: before_start comes first`);
    if (step === 'main') assert.ok(!before.includes('after_stop'), `${run}: started after its after_stop`);
    assert.ok(step !== 'before_start' || policy.beforeStart !== null, `${run}: it has a before_start`);
    assert.ok(step !== 'after_stop' || policy.afterStop !== null, `${run}: it has an after_stop`);
    this.#begun.set(run, [...before, step]);
  }
}
