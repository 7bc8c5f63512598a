// The spec of a step of a run: that of the service, or its hook run in the same way as the service.

import type { Hook, ServiceSpec } from '../../core/model/spec.ts';
import type { Step } from '../../core/model/states.ts';

/** A hook writes to the output of its service. null: the service has no such hook. */
export function specOfStep(spec: ServiceSpec, step: Step): ServiceSpec | null {
  if (step === 'main') return spec;
  const hook: Hook | null = step === 'before_start' ? spec.policy.beforeStart : spec.policy.afterStop;
  if (hook === null) return null;
  return {
    ...spec,
    launch: { ...spec.launch, command: hook.command, wrapper: [], sockets: [] },
    policy: { ...spec.policy, ready: null },
  };
}
