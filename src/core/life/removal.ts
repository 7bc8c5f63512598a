// A service that is no longer to be there: it is taken down, and forgotten when its tree is empty.

import type { Service } from '../model/state.ts';
import type { bringDown } from './lifecycle.ts';
import { dismiss } from './pending-commands.ts';
import type { Moved, StepContext } from './transition.ts';

/** `why`: completes "web@5 …". `down`: at once, or in its turn. */
export function remove(service: Service, around: StepContext, down: typeof bringDown, why: string): Moved {
  const message = `${service.spec.name} is ${why}`;
  const [free, answers] = dismiss(service, { ok: false, code: 'gone', message });
  const leaving: Service = { ...free, isRemoved: true, desired: null, nextSpec: null };
  const [moved, effects] = down(leaving, around, { to: 'stopped', reason: 'removed', detail: why });
  return [moved, [...answers, ...effects]];
}
