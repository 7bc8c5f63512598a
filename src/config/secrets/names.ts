// Decides by the words of a name whether its value is secret.

/** Words that make a name secret, singular and in small letters. Only whole words count. */
const WORDS = new Set([
  ...['pass', 'password', 'passwd', 'passphrase', 'passcode', 'pwd', 'pw', 'pin', 'otp', 'totp', 'pat'],
  ...['secret', 'token', 'key', 'credential', 'cred', 'auth', 'oauth', 'authorization', 'bearer', 'jwt', 'hmac'],
  ...['private', 'priv', 'cookie', 'salt', 'pepper', 'nonce', 'seed', 'mnemonic', 'signature', 'dsn', 'webhook'],
]);

/** Ends of compounds without a separator: PGPASSWORD, authtoken. */
const END = /(?:password|passwd|passphrase|secret|credential|token|webhook|jwt)$/;

/** First parts of compounds with `key`, `pass`, `pwd` and `auth`, ends that `monkey` and `compass` have as well. */
const OWNERS = [
  ...['access', 'account', 'admin', 'api', 'app', 'aws', 'client', 'crypt', 'crypto', 'db', 'deploy', 'encrypt'],
  ...['encryption', 'ftp', 'gpg', 'hmac', 'host', 'http', 'jwt', 'ldap', 'license', 'mail', 'master', 'my', 'mysql'],
  ...['pg', 'pgp', 'postgres', 'private', 'proxy', 'redis', 'root', 'secret', 'server', 'service', 'session', 'shared'],
  ...['sign', 'signing', 'smtp', 'sql', 'ssh', 'ssl', 'storage', 'tls', 'user', 'web'],
];
const COMPOUND = new RegExp(`^(?:${OWNERS.join('|')})(?:keys?|pass|pwd|auth)$`);

/** `connection string`, in any spelling: the password is part of it. */
const PAIRS = /(?:^|[^a-z])(?:connection|conn)[^a-z]?(?:string|str)(?:[^a-z]|$)/;

/** True for `DB_PASS`, `dbPassword`, `api-key`, `APIKEY`; not for `MONKEY`, `KEYBOARD`, `AUTHOR`, `PASSENGER`, `TOKENIZER`. */
export function isSecretName(name: string): boolean {
  const runs = name.match(/\p{L}+/gu) ?? [];
  return runs.some((run) => isSecretRun(run)) || PAIRS.test(name.toLowerCase());
}

/** `run`: letters without a separator, one word or several in camelCase. */
function isSecretRun(run: string): boolean {
  if (isSecretWord(run.toLowerCase())) return true;
  const parts = run.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+/gu) ?? [];
  return parts.length > 1 && parts.some((part) => isSecretWord(part.toLowerCase()));
}

function isSecretWord(word: string): boolean {
  const singular = word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
  return WORDS.has(singular) || END.test(singular) || COMPOUND.test(word);
}

/** Keys of [daemon] whose values are secret in every layer. */
const SECRET_KEYS = new Set(['on_event_secrets', 'http_token']);

/** `path`: relative to a service or to [daemon]. Variables of services are judged by their names. */
export function isSecretKey(path: readonly string[]): boolean {
  const [first = '', name] = path;
  return SECRET_KEYS.has(first) || (first === 'env' && name !== undefined && isSecretName(name));
}
