// Makes paths absolute.

/** Knows the links of the host. */
interface Links {
  plainPath(path: string): string;
}

/** Absolute, and without empty parts, `.` and `..`: most paths of a thousand services are. */
const RESOLVED = /^(?:\/(?!\.{1,2}(?:\/|$))[^/]+)+$/;

/** `path` relative to the absolute folder `base`, without `.` in it; `..` leads where the kernel goes. */
export function resolvePath(base: string, path: string, links: Links): string {
  if (path === '.' && RESOLVED.test(base)) return base;
  const whole = path.startsWith('/') ? path : `${base}/${path.startsWith('./') ? path.slice(2) : path}`;
  if (RESOLVED.test(whole)) return whole;
  const parts = whole.split('/').filter((part) => part !== '' && part !== '.');
  const absolute = `/${parts.join('/')}`;
  return parts.includes('..') ? links.plainPath(absolute) : absolute;
}
