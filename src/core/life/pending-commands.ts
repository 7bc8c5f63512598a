// The pending commands of one service: when each is answered, and with what. Each is answered exactly once.

import type { Effect, Outcome } from '../model/effects.ts';
import { spanText } from '../model/span-text.ts';
import type { PendingCommand, Service } from '../model/state.ts';
import { unreachable } from './transition.ts';

type Answered = readonly [Service, readonly Effect[]];

/**
 * Answers the commands that are done because the service has come up or to rest (backoff counts as rest: it can last
 * long). Called after each change of a service; all other answers are refusals.
 */
export function answerArrived(service: Service): Answered {
  if (service.orders.length === 0) return [service, []];
  const { state } = service;
  switch (state.name) {
    case 'running':
      return answer(service, isSatisfiedByRunning, () => ({ ok: true, message: upText(service) }));
    case 'stopped':
      return answerAtRest(resumed(service), 'stopped');
    case 'waiting':
      return state.isUnsatisfiable ? answerAtRest(service, `it waits for ${state.for}`) : [service, []];
    case 'backoff':
    case 'failed':
    case 'exited':
      return answerAtRest(service, service.lastDetail);
    case 'starting':
    case 'stopping':
    case 'killing':
      return [service, []];
    default:
      return unreachable(state);
  }
}

/** A job may have ended by the time somebody reads this. */
function upText({ spec: { name, policy }, isInTrouble }: Service): string {
  if (policy.restart !== 'always') return `${name} was started`;
  if (!isInTrouble || policy.stableAfter === 0) return `${name} is running`;
  return `${name} is running, but unstable: it failed before, and is stable after ${spanText(policy.stableAfter)}`;
}

function answerAtRest(service: Service, detail: string): Answered {
  const { spec, state } = service;
  const isDone = state.name === 'exited' && service.lastReason === 'success';
  return answer(service, hasBegun, (order) => {
    if (order.action === 'stop') return { ok: true, message: `${spec.name} is stopped` };
    if (isDone) return { ok: true, message: `${spec.name} has completed: ${detail}` };
    const what = order.action === 'run' && state.name !== 'waiting' ? 'complete' : 'come up';
    return { ok: false, code: 'failed', message: `${spec.name} did not ${what}: ${detail}` };
  });
}

/** The tree survives SIGKILL, so no command can be carried out: answers all. */
export function answerStuck(service: Service, message: string): Answered {
  return answer(service, always, () => ({ ok: false, code: 'failed', message }));
}

/** A new command cancels pending ones that want the opposite. `who`: the operator. */
export function supersede(service: Service, by: PendingCommand['action'], who: string): Answered {
  const contrary = (order: PendingCommand) => (order.action === 'stop') !== (by === 'stop');
  return answer(service, contrary, (order) => ({
    ok: false,
    code: 'superseded',
    message: `${order.action} of ${service.spec.name} was superseded by ${by} from ${who}`,
  }));
}

/** Answers all pending commands with the same outcome. */
export function answerAll(service: Service, outcome: Outcome): Answered {
  return answer(service, always, () => outcome);
}

/** The service with its deferred commands no longer deferred: they are being carried out. */
export function resumed(service: Service): Service {
  if (service.orders.every(hasBegun)) return service;
  return { ...service, orders: service.orders.map((order) => ({ ...order, deferredFrom: null })) };
}

const always = () => true;
/** A deferred restart has not begun, even if the old generation has ended by itself meanwhile. */
const hasBegun = ({ deferredFrom }: PendingCommand) => deferredFrom === null;
const isSatisfiedByRunning = ({ action, deferredFrom }: PendingCommand) =>
  action === 'start' || (action === 'restart' && deferredFrom === null);

function answer(
  service: Service,
  whom: (order: PendingCommand) => boolean,
  say: (order: PendingCommand) => Outcome,
): Answered {
  const { name } = service.spec;
  const chosen = service.orders.filter(whom);
  if (chosen.length === 0) return [service, []];
  const effects = chosen.map((order): Effect => ({ type: 'answer', id: order.id, service: name, outcome: say(order) }));
  return [{ ...service, orders: service.orders.filter((order) => !whom(order)) }, effects];
}
