// Finds the file and line of a key in the merged configuration, for problems.

import { isSecretKey } from '../secrets/names.ts';
import { find, findNearest, keyPath, type Table } from '../source/tree.ts';
import type { Place } from './problems.ts';

/** From the path of a key, relative to the table that is read, to its place. */
export type Locate = (path: readonly PropertyKey[]) => Place;

export function locateIn(root: Table, prefix: readonly string[]): Locate {
  return (path) => placeOf(root, [...prefix, ...path], path);
}

/** The places of the keys of a service; a key from [defaults] is named `defaults.…`. */
export function locateService(root: Table, name: string): Locate {
  return (path) => {
    const own = ['services', name, ...path];
    const inherited = ['defaults', ...path];
    const named = path.filter((part) => typeof part !== 'number');
    const isInherited =
      find(root, ['services', name, ...named]) === null && find(root, ['defaults', ...named]) !== null;
    return placeOf(root, isInherited && path.length > 0 ? inherited : own, path);
  };
}

function placeOf(root: Table, path: readonly PropertyKey[], relative: readonly PropertyKey[]): Place {
  const { origin } = findNearest(root, path);
  const isSecret = origin.isSecret || isSecretKey(relative.map(String));
  const named = path.filter((part) => typeof part !== 'number');
  return { where: origin.where, line: origin.line, key: keyPath(named), isSecret };
}
