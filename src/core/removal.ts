// A service that is no longer to be there: it is taken down, and forgotten when its tree is empty.

import { bringDown } from './lifecycle.ts';
import type { Service } from './model.ts';
import { dismiss } from './orders.ts';
import type { Around, Moved } from './transition.ts';

/** `why`: completes "web@5 …". */
export function remove(service: Service, around: Around, why = 'no longer in the configuration'): Moved {
  const message = `${service.spec.name} is ${why}`;
  const [free, answers] = dismiss(service, { ok: false, code: 'gone', message });
  const leaving: Service = { ...free, removed: true, wish: null, nextSpec: null };
  const [moved, effects] = bringDown(leaving, around, { to: 'stopped', reason: 'removed', detail: why });
  return [moved, [...answers, ...effects]];
}
