// A line for each group whose number of instances is not the one in the file.

import type { GroupView } from '../../api/services.ts';

export function driftOf(groups: readonly GroupView[]): readonly string[] {
  return groups.filter(({ instances, configured }) => instances !== configured).map(describeDrift);
}

/** `web: 6 instances by ctl scale, 4 in the file; opsd ctl scale web --reset` */
export function describeDrift({ name, instances, configured }: GroupView): string {
  const has = `${name}: ${instances} ${plural(instances)} by ctl scale`;
  return `${has}, ${configured} in the file; opsd ctl scale ${name} --reset`;
}

export function plural(count: number): string {
  return count === 1 ? 'instance' : 'instances';
}
