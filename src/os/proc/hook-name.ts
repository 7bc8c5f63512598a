// The name under which the processes of a hook or probe are kept apart from those of its service: `web@before_start`.

export type HookKind = 'before_start' | 'after_stop' | 'probe' | 'on_event';

/** No service has such a name: what follows an `@` in one is a number. */
export function hookName(service: string, kind: HookKind): string {
  return `${service}@${kind}`;
}

/** The service of `web@before_start`; null: it is not the name of a hook. */
export function serviceOfHook(name: string): string | null {
  return /^(.+)@(?:before_start|after_stop|probe|on_event)$/.exec(name)?.[1] ?? null;
}
