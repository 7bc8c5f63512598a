// Makes paths absolute, by their text alone: symbolic links are not looked at.

/** `path` relative to the absolute folder `base`, without `.` and `..` in it. */
export function resolvePath(base: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${base}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
