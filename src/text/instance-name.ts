// The names of instances: `web@3` is the third of `web`. No other name has an @ in it.

export const INSTANCE_NAME = /^(.+)@(\d+)$/;

export function instanceName(group: string, instance: number): string {
  return `${group}@${instance}`;
}

/** The `web` of `web@3`; null: it is no instance. */
export function groupOfInstance(name: string): string | null {
  return INSTANCE_NAME.exec(name)?.[1] ?? null;
}

/** As the configuration names the service: `web`, of `web@3` too. */
export function configuredName(name: string): string {
  return groupOfInstance(name) ?? name;
}
