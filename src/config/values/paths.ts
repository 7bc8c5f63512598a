// Makes paths absolute, by their text alone: symbolic links are not looked at.

/** Absolute, and without empty parts, `.` and `..`: most paths of a thousand services are. */
const RESOLVED = /^(?:\/(?!\.{1,2}(?:\/|$))[^/]+)+$/;

/** `path` relative to the absolute folder `base`, without `.` and `..` in it. */
export function resolvePath(base: string, path: string): string {
  if (path === '.' && RESOLVED.test(base)) return base;
  const whole = path.startsWith('/') ? path : `${base}/${path.startsWith('./') ? path.slice(2) : path}`;
  if (RESOLVED.test(whole)) return whole;
  const parts: string[] = [];
  for (const part of whole.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
