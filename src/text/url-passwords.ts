// Finds the passwords in the userinfo of URLs in any text, and replaces them by [redacted].

export const MASK = '[redacted]';

/** Characters that end a URL in a text. */
const END = /[\s"'<>`]/;
const SCHEME = /[a-z0-9+.-]+$/i;
const LONGEST_SCHEME = 32;

/** The text with the passwords replaced. `found` is called with each. A URL in the query of another is found, too. */
export function withoutPasswords(text: string, found: (password: string) => void = () => undefined): string {
  if (!text.includes('://') || !text.includes('@')) return text;
  const parts = text.split('://');
  const [first = '', ...rest] = parts;
  const shown = rest.map((part, place) => {
    const [scheme] = SCHEME.exec((parts[place] ?? '').slice(-LONGEST_SCHEME)) ?? [];
    return scheme === undefined ? part : withoutPassword(scheme, part, found);
  });
  return [first, ...shown].join('://');
}

/** `rest`: the text after `://`. */
function withoutPassword(scheme: string, rest: string, found: (password: string) => void): string {
  const end = rest.search(END);
  const userinfo = userinfoOf(end < 0 ? rest : rest.slice(0, end));
  if (userinfo === null || userinfo === MASK || userinfo.endsWith(`:${MASK}`)) return rest;
  const colon = userinfo.indexOf(':');
  const user = colon < 0 ? userinfo : userinfo.slice(0, colon);
  const password = colon < 0 ? '' : userinfo.slice(colon + 1);
  // In http and https URLs a user without a password is mostly a token.
  const isWeb = /^https?$/i.test(scheme);
  if (password === '' && !isWeb) return rest;
  found(password === '' ? user : password);
  return `${isWeb ? MASK : `${user}:${MASK}`}${rest.slice(userinfo.length)}`;
}

/** The part before the `@` of a URL; null: there is none. Also found if a password has an unescaped `/`, which is not valid. */
function userinfoOf(rest: string): string | null {
  const [authority = ''] = rest.split(/[/?#]/, 1);
  const end = authority.lastIndexOf('@');
  if (end >= 0) return rest.slice(0, end);
  const isHostAndPort = /^(?:\[[^\]]*\]|[^:]*)(?::\d*)?$/.test(authority);
  const at = rest.lastIndexOf('@');
  return isHostAndPort || at < 0 ? null : rest.slice(0, at);
}
