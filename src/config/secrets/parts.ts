// Finds the secrets within a text: passwords in URLs, and values behind secret names (`password=…`).

import { MASK, withoutPasswords } from '../../text/url-passwords.ts';
import { isSecretName } from './names.ts';

interface Redaction {
  /** The text with [redacted] in the place of each secret. */
  readonly shown: string;
  /** The secrets that were replaced. */
  readonly secrets: readonly string[];
}

/** `password=…`, `"token": "…"`, `X-Api-Key: …`; the value of `Authorization: Bearer …` is both words. */
const NAMED =
  /(?<![\p{L}\p{N}_.-])([\p{L}\p{N}_.-]{1,64})(\\?["']?\s*:\s+\\?["']?|\\?["']\s*:\s*\\?["']?|=\\?["']?)((?:(?:Bearer|Basic|Token|Digest)\s+)?[^\s&;,"'\\]+)/giu;

export function redact(text: string): Redaction {
  if (!/[:=]/.test(text)) return { shown: text, secrets: [] };
  const secrets: string[] = [];
  const shown = withoutPasswords(text, (password) => secrets.push(password)).replace(
    NAMED,
    (whole, name: string, between: string, value: string) => {
      if (value === MASK || !isSecretName(name)) return whole;
      secrets.push(value, ...value.split(/\s+/).slice(1));
      return `${name}${between}${MASK}`;
    },
  );
  return { shown, secrets };
}

/** The same for a command line: the word after `--password` is a secret, too. */
export function redactWords(
  words: readonly string[],
): { readonly shown: readonly string[] } & Omit<Redaction, 'shown'> {
  const secrets: string[] = [];
  const shown = words.map((word, place) => {
    const [, option] = /^--?([\w-]+)$/.exec(words[place - 1] ?? '') ?? [];
    if (option !== undefined && !word.startsWith('-') && isSecretName(option)) {
      secrets.push(word);
      return MASK;
    }
    const redaction = redact(word);
    secrets.push(...redaction.secrets);
    return redaction.shown;
  });
  return { shown, secrets };
}
