// A configuration comes into force: services are added, removed, restarted or changed in place.

import type { StepDraft } from './fleet/step.ts';
import { bringDown, bringDownInTurn, start } from './life/lifecycle.ts';
import { remove } from './life/removal.ts';
import { retune } from './life/retune.ts';
import { forgiven, isLive, isWanted, type Moved, type StepContext } from './life/transition.ts';
import { needsNewProcess } from './model/changes.ts';
import type { Effect } from './model/effects.ts';
import { newService } from './model/initial.ts';
import type { Config, ServiceSpec } from './model/spec.ts';
import type { Next, Service } from './model/state.ts';
import { beginConfigured, leaveToRollouts, resumeRollouts } from './rollout/reload.ts';

/** The configuration is this one now; only what differs is touched. */
export function configure(world: StepDraft, config: Config, isFirst: boolean): void {
  if (world.state.phase.name !== 'running') return;
  world.mayAdmit = true;
  world.state = {
    ...world.state,
    startConcurrency: config.daemon.startConcurrency,
    shutdownTimeout: config.daemon.shutdownTimeout,
    exitWhen: config.daemon.exitWhen,
  };
  const left = leaveToRollouts(world, config);
  for (const { spec } of world.state.services) {
    if (config.services.has(spec.name) || left.names.has(spec.name)) continue;
    world.change(spec.name, (service, around) =>
      remove(service, around, bringDownInTurn, 'no longer in the configuration'),
    );
  }
  for (const [name, spec] of config.services) {
    if (left.names.has(name)) continue;
    if (world.state.slots.has(name)) world.change(name, (service, around) => adjust(service, spec, around));
    else {
      world.add(newService(spec, world.state.generationFloor, world.now));
      world.effects.push({ type: 'settings', service: name, spec });
    }
  }
  const reason = isFirst ? 'boot' : 'configuration';
  const detail = isFirst ? 'enabled' : 'new in the configuration';
  for (const name of config.services.keys()) {
    world.change(name, (service, around) =>
      service.state.name === 'stopped' && isWanted(service) && !isTimed(service)
        ? start(service, around, reason, detail)
        : [service, []],
    );
  }
  beginConfigured(world, config, left);
  if (isFirst) resumeRollouts(world);
}

/** The clock starts it; an operator may, too. */
function isTimed(service: Service): boolean {
  return service.spec.policy.schedule !== null && service.desired === null;
}

/** Brings one service from what it was configured to be to what it is to be now. */
function adjust(service: Service, spec: ServiceSpec, around: StepContext): Moved {
  const reason = 'configuration' as const;
  const settings: Effect = { type: 'settings', service: spec.name, spec };
  const back = service.isRemoved && service.deferred === null;
  // Switching a service off is newer than an earlier order to start it; an operator's stop beats even the file.
  const isSwitchedOff = service.spec.policy.enabled && !spec.policy.enabled;
  const kept: Service = {
    ...service,
    isRemoved: false,
    // What an earlier reload wanted of one that still runs as before is off.
    deferred: null,
    nextSpec: service.deferred === null ? service.nextSpec : null,
    desired: isSwitchedOff && service.desired === 'up' ? null : service.desired,
  };
  // Why it goes was said when it was first held, unless that went another way.
  const inTurn = (of: Service, next: Next) =>
    bringDownInTurn(of, around, service.deferred?.to === next.to ? service.deferred : next);
  const isNew = back || needsNewProcess(kept.nextSpec ?? kept.spec, spec);
  const { state } = kept;
  if (!isLive(state)) {
    const next: Service = { ...kept, spec, nextSpec: null };
    if (!isWanted(next)) {
      const [moved, effects] = bringDown(next, around, { to: 'stopped', reason, detail: 'not enabled' });
      return [moved, [settings, ...effects]];
    }
    if (!isNew || state.name === 'stopped') return [next, [settings]];
    if (isTimed(next)) return [next, [settings]];
    const [moved, effects] = start(forgiven(next), around, reason, 'its configuration changed');
    return [moved, [settings, ...effects]];
  }
  if (isNew) {
    const pending: Service = { ...forgiven(hastened(kept, spec, around)), nextSpec: spec };
    const to = isWanted({ ...pending, spec }) ? 'start' : 'stopped';
    return inTurn(pending, { to, reason, detail: 'its configuration changed' });
  }
  const tuned =
    kept.nextSpec === null ? retune({ ...kept, spec }, service.spec.policy, around) : { ...kept, nextSpec: spec };
  if (isWanted({ ...tuned, spec })) {
    if (!isStopping(tuned) || isWanted(service)) return [tuned, [settings]];
    const [moved, effects] = bringDown(tuned, around, { to: 'start', reason, detail: 'enabled again' });
    return [moved, [settings, ...effects]];
  }
  const [moved, effects] = inTurn(tuned, { to: 'stopped', reason, detail: 'no longer enabled' });
  return [moved, [settings, ...effects]];
}

/** One that is on its way down has no longer for that than the new configuration says: a stranger had 30 s. */
function hastened(service: Service, spec: ServiceSpec, around: StepContext): Service {
  const { state } = service;
  if (state.name !== 'stopping') return service;
  const deadline = Math.min(state.deadline, around.now + spec.policy.stopTimeout);
  return { ...service, state: { ...state, deadline } };
}

function isStopping(service: Service): boolean {
  return service.state.name === 'stopping' || service.state.name === 'killing';
}
