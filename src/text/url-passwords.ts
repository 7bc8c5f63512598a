// Finds the passwords that URLs carry in their userinfo, in whatever text they stand, and takes them out.

export const MASK = '[redacted]';

/** `postgres://…` up to what no URL has in it. */
const URLS = /([a-z0-9+.-]{1,32}:\/\/)([^\s"'<>`]+)/gi;

/** `found` is told each of them. */
export function withoutPasswords(text: string, found: (password: string) => void = () => undefined): string {
  if (!text.includes('://') || !text.includes('@')) return text;
  return text.replace(URLS, (whole, scheme: string, rest: string) => {
    const userinfo = userinfoOf(rest);
    if (userinfo === null || userinfo === MASK || userinfo.endsWith(`:${MASK}`)) return whole;
    const colon = userinfo.indexOf(':');
    const user = colon < 0 ? userinfo : userinfo.slice(0, colon);
    const password = colon < 0 ? '' : userinfo.slice(colon + 1);
    // On the web a user alone is a token.
    const isWeb = /^https?:/i.test(scheme);
    if (password === '' && !isWeb) return whole;
    found(password === '' ? user : password);
    return `${scheme}${isWeb ? MASK : `${user}:${MASK}`}${rest.slice(userinfo.length)}`;
  });
}

/** What stands before the `@` of a URL; a password with a `/` in it, which it must not have, is found too. */
function userinfoOf(rest: string): string | null {
  const [authority = ''] = rest.split(/[/?#]/, 1);
  const end = authority.lastIndexOf('@');
  if (end >= 0) return rest.slice(0, end);
  const isHostAndPort = /^(?:\[[^\]]*\]|[^:]*)(?::\d*)?$/.test(authority);
  const at = rest.lastIndexOf('@');
  return isHostAndPort || at < 0 ? null : rest.slice(0, at);
}
