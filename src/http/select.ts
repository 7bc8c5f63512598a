// Which services a name, a glob, a tag or `all` means.

import { matchesGlob } from '../core/glob.ts';
import { nearest } from '../core/nearest.ts';

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
}

/** Matches exact names, globs of `*` and `?`, `+tag`, and `all`. */
export function select(services: readonly Selectable[], patterns: readonly string[]): Selection {
  const names = services.map(({ name }) => name);
  const chosen = new Set<string>();
  const unknown: string[] = [];
  const known = new Set(names);
  for (const pattern of new Set(patterns)) {
    if (pattern === 'all') for (const name of names) chosen.add(name);
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

function unknownTag(tag: string, services: readonly Selectable[]): string {
  const near = nearest(tag, [...new Set(services.flatMap(({ tags }) => tags))]);
  const hint = near === null ? 'tags are in the configuration: tags = ["edge"]' : `did you mean '+${near}'?`;
  return `no service has the tag '${printable(tag)}'; ${hint}`;
}

/** The one text for a service that does not exist. */
export function unknownService(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  const hint = near === null ? `see them all with: opsd ctl status` : `did you mean '${near}'?`;
  return `there is no service '${printable(name)}'; ${hint}`;
}

/** What a stranger sent, fit for a message: short, and no control characters. */
function printable(text: string): string {
  const short = text.length > 64 ? `${text.slice(0, 64)}…` : text;
  return short.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
