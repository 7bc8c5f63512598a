// Which names say that what they stand for is secret, by the words they are made of.

/** Singular, in small letters. Too often is better than too seldom, but not by a part of a word. */
const WORDS = new Set([
  ...['pass', 'password', 'passwd', 'passphrase', 'passcode', 'pwd', 'pw', 'pin', 'otp', 'totp', 'pat'],
  ...['secret', 'token', 'key', 'credential', 'cred', 'auth', 'oauth', 'authorization', 'bearer', 'jwt', 'hmac'],
  ...['private', 'priv', 'cookie', 'salt', 'pepper', 'nonce', 'seed', 'mnemonic', 'signature', 'dsn', 'webhook'],
]);

/** Ends of words that are written as one: PGPASSWORD, authtoken. */
const END = /(?:password|passwd|passphrase|secret|credential|token|webhook|jwt)$/;

/** `monkey` and `compass` end like secrets: with those ends only compounds are ones. */
const OWNERS = [
  ...['access', 'account', 'admin', 'api', 'app', 'aws', 'client', 'crypt', 'crypto', 'db', 'deploy', 'encrypt'],
  ...['encryption', 'ftp', 'gpg', 'hmac', 'host', 'http', 'jwt', 'ldap', 'license', 'mail', 'master', 'my', 'mysql'],
  ...['pg', 'pgp', 'postgres', 'private', 'proxy', 'redis', 'root', 'secret', 'server', 'service', 'session', 'shared'],
  ...['sign', 'signing', 'smtp', 'sql', 'ssh', 'ssl', 'storage', 'tls', 'user', 'web'],
];
const COMPOUND = new RegExp(`^(?:${OWNERS.join('|')})(?:keys?|pass|pwd|auth)$`);

/** Two words that are only together one: a connection string has the password in it. */
const PAIRS = /(?:^|[^a-z])(?:connection|conn)[^a-z]?(?:string|str)(?:[^a-z]|$)/;

/** `DB_PASS`, `dbPassword`, `api-key`, `APIKEY`; not `MONKEY`, `KEYBOARD`, `AUTHOR`, `PASSENGER`, `TOKENIZER`. */
export function isSecretName(name: string): boolean {
  const runs = name.match(/\p{L}+/gu) ?? [];
  return runs.some((run) => isSecretRun(run)) || PAIRS.test(name.toLowerCase());
}

/** Letters without a break: one word, or several in camelCase. */
function isSecretRun(run: string): boolean {
  if (isSecretWord(run.toLowerCase())) return true;
  const parts = run.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+/gu) ?? [];
  return parts.length > 1 && parts.some((part) => isSecretWord(part.toLowerCase()));
}

function isSecretWord(word: string): boolean {
  const singular = word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
  return WORDS.has(singular) || END.test(singular) || COMPOUND.test(word);
}

/** Of the daemon: keys whose values are secret wherever they are written. */
const SECRET_KEYS = new Set(['on_event_secrets', 'http_token']);

/** `path`: relative to a service or to [daemon]. Names that people choose are judged by their words, keys by what they are. */
export function isSecretKey(path: readonly string[]): boolean {
  const [first = '', name] = path;
  return SECRET_KEYS.has(first) || (first === 'env' && name !== undefined && isSecretName(name));
}
