// The access over TCP, token and certificates, of the configuration in force.

import { isForThisHost } from '../../config/values/listen-address.ts';
import type { DaemonSpec, TlsFiles } from '../../core/model/config.ts';
import type { Log } from '../../os/own-log/logger.ts';
import type { Clock } from '../../runtime/clock.ts';
import { CertificateWatch } from './certificate-watch.ts';

type Admission = Pick<DaemonSpec, 'http' | 'tls' | 'httpToken'>;

/** Whether the listener asks for a token or a certificate. */
export function isGuarded({ tls, httpToken }: Omit<Admission, 'http'>): boolean {
  return httpToken !== null || (tls?.clientCa ?? null) !== null;
}

/** Whether other hosts reach the listener, and it asks them for nothing. */
export function isOpen(access: Admission): boolean {
  return !isForThisHost(access.http) && !isGuarded(access);
}

export function tellOpen(log: Log): void {
  const what = 'daemon.http asks for no token or certificate any more: whoever reaches it sees all services';
  log.critical(what, { remedy: 'set daemon.http_token in env.toml, or listen on 127.0.0.1; then: opsd ctl reload' });
}

export class TcpAccess implements Disposable {
  /** null: TCP is not encrypted. */
  readonly certificates: CertificateWatch | null;
  #token: string | null;
  #files: TlsFiles | null;
  /** What opsd listens on until its end. */
  readonly #http: DaemonSpec['http'];
  readonly #log: Log;
  #drop: () => void = () => undefined;

  constructor({ http, tls, httpToken }: DaemonSpec, log: Log, clock: Clock) {
    this.#http = http;
    this.#log = log;
    this.#token = httpToken;
    this.#files = tls;
    this.certificates = tls === null ? null : new CertificateWatch(() => this.#files ?? tls, log, clock);
  }

  /** null: no token is needed. */
  get token(): string | null {
    return this.#token;
  }

  /** `drop`: ends all connections that were let in. */
  guard(drop: () => void): void {
    this.#drop = drop;
  }

  /** If the configuration no longer names a certificate, the listener keeps the one it has until the next opsd. */
  configure({ tls, httpToken }: DaemonSpec): void {
    const wasOpen = this.#isOpen;
    if (tls !== null) this.#files = tls;
    this.certificates?.look();
    const isOther = httpToken !== this.#token;
    this.#token = httpToken;
    if (isOther) this.#drop();
    if (this.#isOpen && !wasOpen) tellOpen(this.#log);
  }

  get #isOpen(): boolean {
    const tls = this.certificates === null ? null : this.#files;
    return isOpen({ http: this.#http, tls, httpToken: this.#token });
  }

  [Symbol.dispose](): void {
    this.certificates?.[Symbol.dispose]();
  }
}
