// A configuration comes into force: services are added, removed, restarted or changed in place.

import { remove } from './fleet/removal.ts';
import type { StepDraft } from './fleet/step.ts';
import { bringDown, bringDownInTurn, start } from './life/lifecycle.ts';
import { retune } from './life/retune.ts';
import { forgiven, isLive, isWanted, type Moved, type StepContext } from './life/transition.ts';
import { needsNewProcess } from './model/changes.ts';
import type { Config } from './model/config.ts';
import type { Effect } from './model/effects.ts';
import { newService } from './model/initial.ts';
import { isHeldBack, lacksHost } from './model/lacking.ts';
import type { ServiceSpec } from './model/spec.ts';
import type { Next, Service } from './model/state.ts';
import { beginConfigured, leaveToRollouts, resumeRollouts } from './rollout/reload.ts';

/** Brings a configuration into force. Services whose spec is the same are not touched. */
export function configure(draft: StepDraft, config: Config, isFirst: boolean): void {
  if (draft.state.phase.name !== 'running') return;
  draft.mayAdmit = true;
  draft.state = {
    ...draft.state,
    startConcurrency: config.daemon.startConcurrency,
    shutdownTimeout: config.daemon.shutdownTimeout,
    exitWhen: config.daemon.exitWhen,
  };
  const left = leaveToRollouts(draft, config);
  for (const { spec } of draft.state.services) {
    if (config.services.has(spec.name) || left.names.has(spec.name)) continue;
    draft.change(spec.name, (service, context) =>
      remove(service, context, bringDownInTurn, 'no longer in the configuration'),
    );
  }
  for (const [name, spec] of config.services) {
    if (left.names.has(name)) continue;
    if (draft.state.slots.has(name)) draft.change(name, (service, context) => adjust(service, spec, context));
    else {
      draft.add(newService(spec, draft.state.generationFloor, draft.now));
      draft.effects.push({ type: 'settings', service: name, spec });
    }
  }
  const reason = isFirst ? 'boot' : 'configuration';
  const detail = isFirst ? 'enabled' : 'new in the configuration';
  for (const name of config.services.keys()) {
    draft.change(name, (service, context) =>
      service.state.name === 'stopped' && isWanted(service) && !isTimed(service)
        ? start(service, context, reason, detail)
        : [service, []],
    );
  }
  beginConfigured(draft, config, left);
  if (isFirst) resumeRollouts(draft);
}

/** Whether only the schedule starts this service, since no operator has. */
function isTimed(service: Service): boolean {
  return service.spec.policy.schedule !== null && service.desired === null;
}

/** Brings one service to its new spec: in place, or by a stop or restart. */
function adjust(service: Service, spec: ServiceSpec, context: StepContext): Moved {
  const reason = 'configuration' as const;
  const settings: Effect = { type: 'settings', service: spec.name, spec };
  const back = service.isRemoved && service.deferred === null;
  // `enabled = false` in a reload is newer than an earlier start by an operator; an operator's stop outlasts any reload.
  const isSwitchedOff = service.spec.policy.enabled && !spec.policy.enabled;
  const kept: Service = {
    ...service,
    isRemoved: false,
    // This configuration replaces what an earlier reload deferred and has not carried out.
    deferred: null,
    nextSpec: service.deferred === null && !isHeldBack(service) ? service.nextSpec : null,
    desired: isSwitchedOff && service.desired === 'up' ? null : service.desired,
  };
  // Keep the reason from the first time it was deferred, unless the direction (stop or restart) has changed.
  const inTurn = (of: Service, next: Next) =>
    bringDownInTurn(of, context, service.deferred?.to === next.to ? service.deferred : next);
  const isNew = back || needsNewProcess(kept.nextSpec ?? kept.spec, spec);
  const { state } = kept;
  if (!isLive(state)) {
    const next: Service = { ...kept, spec, nextSpec: null };
    if (!isWanted(next)) {
      const [moved, effects] = bringDown(next, context, { to: 'stopped', reason, detail: 'not enabled' });
      return [moved, [settings, ...effects]];
    }
    const isFreed = lacksHost(service) && service.spec.hindrance !== undefined && spec.hindrance === undefined;
    if (!(isNew || isFreed) || state.name === 'stopped') return [next, [settings]];
    if (isTimed(next)) return [next, [settings]];
    const why = isNew ? 'its configuration changed' : 'what it lacked is there';
    const [moved, effects] = start(forgiven(next), context, reason, why);
    return [moved, [settings, ...effects]];
  }
  const isUp = state.name === 'starting' || state.name === 'running';
  if (isNew && isUp && spec.hindrance !== undefined && isWanted({ ...kept, spec })) {
    // Its old form is better than none.
    return [{ ...kept, nextSpec: spec }, []];
  }
  if (isNew) {
    const pending: Service = { ...forgiven(hastened(kept, spec, context)), nextSpec: spec };
    const to = isWanted({ ...pending, spec }) ? 'start' : 'stopped';
    return inTurn(pending, { to, reason, detail: 'its configuration changed' });
  }
  const tuned =
    kept.nextSpec === null ? retune({ ...kept, spec }, service.spec.policy, context) : { ...kept, nextSpec: spec };
  if (isWanted({ ...tuned, spec })) {
    if (!isStopping(tuned) || isWanted(service)) return [tuned, [settings]];
    const [moved, effects] = bringDown(tuned, context, { to: 'start', reason, detail: 'enabled again' });
    return [moved, [settings, ...effects]];
  }
  const [moved, effects] = inTurn(tuned, { to: 'stopped', reason, detail: 'no longer enabled' });
  return [moved, [settings, ...effects]];
}

/** Shortens the deadline of a stop in progress to the new `stop_timeout`; an unknown service had 30 s. */
function hastened(service: Service, spec: ServiceSpec, context: StepContext): Service {
  const { state } = service;
  if (state.name !== 'stopping') return service;
  const deadline = Math.min(state.deadline, context.now + spec.policy.stopTimeout);
  return { ...service, state: { ...state, deadline } };
}

function isStopping(service: Service): boolean {
  return service.state.name === 'stopping' || service.state.name === 'killing';
}
