// Which services a name, a glob, a tag or `all` selects; the name of a group selects all its instances.

import { matchesGlob } from '../text/glob.ts';
import { escaped } from '../text/harmless.ts';
import { groupOfInstance, INSTANCE_NAME } from '../text/instance-name.ts';
import { nearest } from '../text/nearest.ts';

interface Selection {
  /** In the order of `names`, each once. */
  readonly names: readonly string[];
  /** One message for each pattern that matched nothing. */
  readonly unknown: readonly string[];
}

/** A service, or its node in the graph. */
export interface Selectable {
  readonly name: string;
  readonly tags: readonly string[];
  /** A surge instance (its turn is 'stands in') is not selected by the name of its group. */
  readonly rollout: { readonly turn: string } | null;
}

/** Names and patterns of one request: enough to name every service of a large host. */
const MOST_PATTERNS = 1_000;
/** Globs and tags of one request: each is compared with every service. */
const MOST_SEARCHES = 20;
/** The name of a service has at most 64 characters, and an instance adds its number. */
const LONGEST_PATTERN = 128;
/** Messages about unknown names: a request with more of them has one mistake, not many. */
const MOST_TOLD = 20;

/** Why the request is refused for the number or length of its patterns; null: it is not. */
export function whyTooMuch(patterns: readonly string[]): string | null {
  const { length } = patterns;
  if (length > MOST_PATTERNS)
    return `a request may name at most ${MOST_PATTERNS} services, and this one names ${length}`;
  if (patterns.some((pattern) => pattern.length > LONGEST_PATTERN)) {
    return `the name of a service, or a pattern, may have at most ${LONGEST_PATTERN} characters`;
  }
  const searches = patterns.filter(isSearch).length;
  if (searches <= MOST_SEARCHES) return null;
  return `a request may have at most ${MOST_SEARCHES} globs and tags, and this one has ${searches}`;
}

function isSearch(pattern: string): boolean {
  return pattern.startsWith('+') || isGlob(pattern);
}

function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern) && !pattern.startsWith('+');
}

/** Selects by exact name, name of a group, glob with `*` and `?`, `+tag`, or `all`. */
export function select(services: readonly Selectable[], patterns: readonly string[]): Selection {
  const names = services.map(({ name }) => name);
  const chosen = new Set<string>();
  const unknown: string[] = [];
  const known = new Set(names);
  const lasting = services.filter(({ rollout }) => rollout?.turn !== 'stands in').map(({ name }) => name);
  const groups = groupsOf(lasting);
  for (const pattern of new Set(patterns)) {
    if (pattern === 'all') for (const name of names) chosen.add(name);
    // Groups come before single names: after `instances` was added to the file, the old single service still exists while
    // it stops, and the name means the new instances.
    else if (groups.has(pattern)) for (const name of groups.get(pattern) ?? []) chosen.add(name);
    else if (known.has(pattern)) chosen.add(pattern);
    else if (isSearch(pattern)) {
      const found = pattern.startsWith('+') ? tagged(services, pattern.slice(1)) : matching(names, pattern);
      if (found.length === 0) unknown.push(pattern);
      for (const name of found) chosen.add(name);
    } else unknown.push(pattern);
  }
  return { names: names.filter((name) => chosen.has(name)), unknown: messages(unknown, services, names) };
}

function tagged(services: readonly Selectable[], tag: string): readonly string[] {
  return services.filter(({ tags }) => tags.includes(tag)).map(({ name }) => name);
}

function matching(names: readonly string[], glob: string): readonly string[] {
  const shortest = glob.replaceAll('*', '').length;
  const tidied = glob.replace(/\*+/g, '*');
  return names.filter((name) => name.length >= shortest && matchesGlob(name, tidied));
}

/** Only one unknown name gets a "did you mean": each suggestion is compared with every service. */
function messages(
  unknown: readonly string[],
  services: readonly Selectable[],
  names: readonly string[],
): readonly string[] {
  const explained = unknown.find((pattern) => !isGlob(pattern));
  const told = unknown.slice(0, MOST_TOLD).map((pattern) => {
    if (pattern !== explained) return noMatch(pattern);
    return pattern.startsWith('+') ? unknownTag(pattern.slice(1), services) : unknownService(pattern, names);
  });
  const more = unknown.length - told.length;
  return more > 0 ? [...told, `and ${more} more that do not exist`] : told;
}

function noMatch(pattern: string): string {
  if (pattern.startsWith('+')) return `no service has the tag '${short(pattern.slice(1))}'`;
  return `${isGlob(pattern) ? 'no service matches' : 'there is no service'} '${short(pattern)}'`;
}

/** The names of instances by group. */
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
  return `no service has the tag '${short(tag)}'; ${hint}`;
}

/** The one text for a service that does not exist. */
export function unknownService(name: string, names: readonly string[]): string {
  const groups = groupsOf(names);
  const what = `there is no service '${short(name)}'`;
  const [, group = '', number = ''] = INSTANCE_NAME.exec(name) ?? [];
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

/** Text of a client, made fit for a message. */
function short(text: string): string {
  return escaped(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
