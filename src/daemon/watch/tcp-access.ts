// The access over TCP, token and certificates, of the configuration in force.

import type { DaemonSpec, TlsFiles } from '../../core/model/config.ts';
import type { Log } from '../../os/own-log/logger.ts';
import type { Clock } from '../../runtime/clock.ts';
import { CertificateWatch } from './certificate-watch.ts';

export class TcpAccess implements Disposable {
  /** null: TCP is not encrypted. */
  readonly certificates: CertificateWatch | null;
  #token: string | null;
  #files: TlsFiles | null;
  #drop: () => void = () => undefined;

  constructor({ tls, httpToken }: DaemonSpec, log: Log, clock: Clock) {
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
    if (tls !== null) this.#files = tls;
    this.certificates?.look();
    if (httpToken === this.#token) return;
    this.#token = httpToken;
    this.#drop();
  }

  [Symbol.dispose](): void {
    this.certificates?.[Symbol.dispose]();
  }
}
