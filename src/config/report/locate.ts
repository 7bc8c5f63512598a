// Where a key stands in the merged configuration: how problems find their file and line.

import { isSecretKey } from '../secrets/names.ts';
import { find, findNearest, keyPath, type Table } from '../source/tree.ts';
import type { Place } from './problems.ts';

/** Where something stands, by its path in the table that is read. */
export type Locate = (path: readonly PropertyKey[]) => Place;

export function locateIn(root: Table, prefix: readonly string[]): Locate {
  return (path) => placeOf(root, [...prefix, ...path], path);
}

/** A key that a service has from [defaults] is named as it stands there. */
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
