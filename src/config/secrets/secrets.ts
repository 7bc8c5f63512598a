// Collects the secrets of a configuration while it is read, so that all later output can mask them.

import { REASONS, STATES } from '../../core/model/states.ts';
import { SHORTEST } from '../../text/masks.ts';
import { redact, redactWords } from './parts.ts';

/** Bound of memory: more secrets are not kept. */
const MOST = 200_000;

/** Words of opsd itself, which are never masked even if a secret is equal: values of keys, and states. */
const PUBLIC = new Set([
  ...[
    'always',
    'never',
    'on-failure',
    'simple',
    'oneshot',
    'capture',
    'direct',
    'syslog',
    'journal',
    'inherit',
    'none',
  ],
  ...[
    'heartbeat',
    'delay',
    'restart',
    'rollback',
    'shutdown',
    'all-exited',
    'unlimited',
    'ready',
    'started',
    'completed',
  ],
  ...[...STATES, ...REASONS, 'recovered', 'healthy', 'CRITICAL', 'CRITICAL alert', 'exit code'],
  ...[
    'true',
    'false',
    'info',
    'warn',
    'error',
    'debug',
    'fatal',
    'silent',
    'enabled',
    'disabled',
    'default',
    'service',
  ],
  '/.well-known/live',
]);

/** Numbers, durations, sizes, shares and names of signals are not secrets. Eight digits are: PIDs and ports have fewer. */
const MEASURE = /^(?:\d{1,7}|[\d.]+\s*(?:ms|[dhms%KMGTi]|B)+|(?:\d+(?:ms|[dhms]))+|SIG[A-Z0-9+-]+|CAP_[A-Z_]+)$/;

/** Addresses of this host, which are not secret. */
const THIS_HOST = /^(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[?::1\]?)(?::\d+)?$/;

export class Secrets {
  readonly #texts = new Set<string>();
  readonly #names = new Set<string>();

  has(text: string): boolean {
    return this.#texts.has(text);
  }

  /** Exempts a text from masking: names of services, installed programs. */
  name(name: string): void {
    this.#names.add(name);
  }

  /** Adds a value that is secret as a whole: a text, or all texts in a list or table. */
  add(value: unknown): void {
    if (typeof value === 'string') return this.#addText(value);
    if (Array.isArray(value)) for (const each of value) this.add(each);
    else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) this.add(each);
  }

  /** Adds a secret URL or address of a probe or listener, and its parts, which messages name alone. */
  addTarget(target: string): void {
    this.#addText(target);
    const url = URL.parse(target);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      const [, host] = /^\[?(.*?)\]?:\d+$/.exec(target) ?? [];
      if (host !== undefined) this.#keep(host);
      return;
    }
    for (const part of [url.host, url.hostname, url.pathname, url.pathname + url.search]) this.#keep(part);
    for (const part of [url.username, url.password]) this.#addEncoded(part);
  }

  /** Adds a webhook URL. Its path is mostly the credential, so that the path alone is secret, too. */
  addWebhook(webhook: string): void {
    this.#addText(webhook);
    const url = URL.parse(webhook);
    if (url !== null) for (const part of [url.pathname, url.pathname + url.search]) this.#keep(part);
  }

  /** Adds the secrets within a value that is not secret as a whole. Returns the value with [redacted] in their place. */
  redact(value: unknown): unknown {
    if (typeof value === 'string') return this.#taken(redact(value));
    if (!Array.isArray(value)) return value;
    const texts = value.filter((each) => typeof each === 'string');
    if (texts.length < value.length) return value;
    const redaction = redactWords(texts);
    const isAsItWas = redaction.shown.every((word, place) => word === value[place]);
    return isAsItWas ? value : this.#taken(redaction);
  }

  /** The secrets to mask. */
  texts(): ReadonlySet<string> {
    return new Set([...this.#texts].filter((text) => !this.#names.has(text)));
  }

  #taken<T>({ shown, secrets }: { readonly shown: T; readonly secrets: readonly string[] }): T {
    for (const secret of secrets) this.#addEncoded(secret);
    return shown;
  }

  #addText(text: string): void {
    this.#keep(text);
    if (text.length < SHORTEST) return;
    // Also the path without `../`, as it is when resolved, and the value in `--option=value`.
    this.#keep(text.replace(/^(?:\.{1,2}\/+)+/, ''));
    const option = /^-{0,2}[\w.-]+=(.*)$/s.exec(text)?.[1];
    if (option !== undefined) this.#addEncoded(option);
    const word = /^(?:Bearer|Basic|Token|Digest)\s+(.+)$/is.exec(text)?.[1];
    if (word !== undefined) this.#keep(word);
    for (const secret of redact(text).secrets) this.#addEncoded(secret);
    const url = text.includes('://') ? URL.parse(text) : null;
    if (url === null) return;
    this.#addEncoded(url.password);
    for (const value of url.searchParams.values()) this.#keep(value);
  }

  /** A part of a URL: as written, and percent-decoded. */
  #addEncoded(text: string): void {
    this.#keep(text);
    if (text.includes('%')) this.#keep(decoded(text));
  }

  #keep(text: string): void {
    if (text.length < SHORTEST || this.#texts.size >= MOST || PUBLIC.has(text)) return;
    if (MEASURE.test(text) || THIS_HOST.test(text)) return;
    this.#texts.add(text);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
