// The name under which opsd keeps the processes of a hook or probe apart from those of its service: `web@before_start`.

import type { Step } from '../../core/model/states.ts';

type HookKind = 'before_start' | 'after_stop' | 'probe' | 'on_event';

/** Cannot collide with an instance, where a number follows the `@`. */
export function hookName(service: string, kind: HookKind): string {
  return `${service}@${kind}`;
}

/** The service of `web@before_start`; null: it is not the name of a hook. */
export function serviceOfHook(name: string): string | null {
  return /^(.+)@(?:before_start|after_stop|probe|on_event)$/.exec(name)?.[1] ?? null;
}

/** The name of the processes of a step. */
export function nameOfStep(service: string, step: Step): string {
  return step === 'main' ? service : hookName(service, step);
}

/** The service and step that a process name stands for; null: it stands for a probe or an event hook. */
export function stepOfName(name: string): { readonly service: string; readonly step: Step } | null {
  const [, service = name, kind = 'main'] = /^(.+)@(before_start|after_stop|probe|on_event)$/.exec(name) ?? [];
  return kind === 'before_start' || kind === 'after_stop' || kind === 'main' ? { service, step: kind } : null;
}
