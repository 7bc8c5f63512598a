// Masks secrets in events, effects and outcomes, so that neither the state of the core nor anything made from it holds
// one.

import type { Effect, Outcome } from '../../core/model/effects.ts';
import type { Event } from '../../core/model/events.ts';
import type { Delivery } from '../../os/watch/event-hooks.ts';
import type { Masks } from '../../text/masks.ts';

/** Masks by the names of fields: a new event with one of these is masked, too. */
export function maskedEvent(event: Event, masks: Masks): Event {
  if (event.type === 'probed') {
    const output = event.output === undefined ? {} : { output: masks.hide(event.output) };
    return { ...event, detail: masks.hide(event.detail), ...output };
  }
  if ('message' in event) return { ...event, message: masks.hide(event.message) };
  if ('detail' in event) return { ...event, detail: masks.hide(event.detail) };
  return event;
}

export function maskedEffect(effect: Effect, masks: Masks): Effect {
  if ('message' in effect) return { ...effect, message: masks.hide(effect.message) };
  if ('detail' in effect) return { ...effect, detail: masks.hide(effect.detail) };
  if ('outcome' in effect) return { ...effect, outcome: maskedOutcome(effect.outcome, masks) };
  if ('why' in effect) return { ...effect, why: masks.hide(effect.why) };
  return effect;
}

export function maskedOutcome(outcome: Outcome, masks: Masks): Outcome {
  return { ...outcome, message: masks.hide(outcome.message) };
}

/** Characters kept of a delivery's detail. */
const LONGEST_DETAIL = 340;

/** The output of a hook may be cut off in the middle of a secret that it was given. */
export function maskedDelivery(delivery: Delivery, masks: Masks): Delivery {
  return { ...delivery, detail: masks.hideCut(delivery.detail).slice(0, LONGEST_DETAIL) };
}
