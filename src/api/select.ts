// Which services a name, a glob, a tag or `all` means; the name of a service with instances means all of them.

import { matchesGlob } from '../text/glob.ts';
import { nearest } from '../text/nearest.ts';

export interface Selection {
  /** In the order of `names`, each once. */
  readonly names: readonly string[];
  /** One message for each pattern that matched nothing. */
  readonly unknown: readonly string[];
}

/** What is selected from: a service, or its node in the graph. */
export interface Selectable {
  readonly name: string;
  readonly tags: readonly string[];
  /** One that stands in is none of those that its service's name means. */
  readonly rollout: { readonly turn: string } | null;
}

/** `web@3` is one of `web`. No other name has an @ in it. */
const INSTANCE = /^(.+)@(\d+)$/;

/** The `web` of `web@3`; null: it is no instance. */
export function groupOfInstance(name: string): string | null {
  return INSTANCE.exec(name)?.[1] ?? null;
}

/** Matches exact names, those of services with instances, globs of `*` and `?`, `+tag`, and `all`. */
export function select(services: readonly Selectable[], patterns: readonly string[]): Selection {
  const names = services.map(({ name }) => name);
  const chosen = new Set<string>();
  const unknown: string[] = [];
  const known = new Set(names);
  const lasting = services.filter(({ rollout }) => rollout?.turn !== 'stands in').map(({ name }) => name);
  const groups = groupsOf(lasting);
  for (const pattern of new Set(patterns)) {
    if (pattern === 'all') for (const name of names) chosen.add(name);
    // First: one that was alone until its file said `instances` is on its way down.
    else if (groups.has(pattern)) for (const name of groups.get(pattern) ?? []) chosen.add(name);
    else if (known.has(pattern)) chosen.add(pattern);
    else if (pattern.startsWith('+')) {
      const tagged = services.filter(({ tags }) => tags.includes(pattern.slice(1)));
      if (tagged.length === 0) unknown.push(unknownTag(pattern.slice(1), services));
      for (const { name } of tagged) chosen.add(name);
    } else if (/[*?]/.test(pattern)) {
      const matching = names.filter((name) => matchesGlob(name, pattern));
      if (matching.length === 0) unknown.push(`no service matches '${printable(pattern)}'`);
      for (const name of matching) chosen.add(name);
    } else unknown.push(unknownService(pattern, names));
  }
  return { names: names.filter((name) => chosen.has(name)), unknown };
}

/** The names of instances, by the name of their service. */
function groupsOf(names: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const group = groupOfInstance(name);
    if (group === null) continue;
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [name]);
    else members.push(name);
  }
  return groups;
}

function unknownTag(tag: string, services: readonly Selectable[]): string {
  const near = nearest(tag, [...new Set(services.flatMap(({ tags }) => tags))]);
  const hint = near === null ? 'tags are in the configuration: tags = ["edge"]' : `did you mean '+${near}'?`;
  return `no service has the tag '${printable(tag)}'; ${hint}`;
}

/** The one text for a service that does not exist. */
export function unknownService(name: string, names: readonly string[]): string {
  const groups = groupsOf(names);
  const what = `there is no service '${printable(name)}'`;
  const [, group = '', number = ''] = INSTANCE.exec(name) ?? [];
  const instances = groups.get(group);
  if (instances !== undefined) {
    const all = instances.length === 1 ? 'one instance' : `${instances.length} instances`;
    const isMore = Number(number) > instances.length && number.length < 5;
    const more = isMore ? ` For more of them: opsd ctl scale ${group} ${number}` : '';
    return `${what}, ${group} has ${all}; did you mean '${instances.at(-1)}'?${more}`;
  }
  if (names.includes(group)) return `${what}: ${group} has no instances; did you mean '${group}'?`;
  const near = nearest(name, [...groups.keys(), ...names]);
  const hint = near === null ? `see them all with: opsd ctl status` : `did you mean '${near}'?`;
  return `${what}; ${hint}`;
}

/** What a stranger sent, fit for a message: short, and no control characters. */
function printable(text: string): string {
  const short = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return short.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
