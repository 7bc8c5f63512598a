// Takes secrets out of what the core is told and of what it tells, so that its state and all who hear of it have none.

import type { Effect, Outcome } from '../../core/model/effects.ts';
import type { Event } from '../../core/model/events.ts';
import type { Delivery } from '../../os/watch/event-hooks.ts';
import type { Masks } from '../../text/masks.ts';

/** By the names that texts have there: what will have one of them is masked, too. */
export function maskedEvent(event: Event, masks: Masks): Event {
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

/** Of what a hook said of its end, that much is told. */
const LONGEST_DETAIL = 340;

/** What a hook says may end in the middle of a secret that it was given. */
export function maskedDelivery(delivery: Delivery, masks: Masks): Delivery {
  return { ...delivery, detail: masks.hideCut(delivery.detail).slice(0, LONGEST_DETAIL) };
}
