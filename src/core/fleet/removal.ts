// Removes a service: it is taken down, and forgotten when its process tree is empty.

import type { bringDown } from '../life/lifecycle.ts';
import { answerAll } from '../life/pending-commands.ts';
import type { Moved, StepContext } from '../life/transition.ts';
import type { Service } from '../model/state.ts';

/** `why`: completes "web@5 …". `down`: at once, or in its turn. */
export function remove(service: Service, context: StepContext, down: typeof bringDown, why: string): Moved {
  const message = `${service.spec.name} is ${why}`;
  const [free, answers] = answerAll(service, { ok: false, code: 'gone', message });
  const leaving: Service = { ...free, isRemoved: true, desired: null, nextSpec: null };
  const [moved, effects] = down(leaving, context, { to: 'stopped', reason: 'removed', detail: why });
  return [moved, [...answers, ...effects]];
}
