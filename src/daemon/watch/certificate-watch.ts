// Keeps the certificate of the TCP listener up to date with its files: a new one takes effect by itself, an invalid one
// never.

import type { TlsFiles } from '../../core/model/config.ts';
import type { CertificateSource } from '../../http/context.ts';
import { type Certificates, EXPIRES_SOON, readCertificates, stampOf } from '../../os/files/certificates.ts';
import type { Log } from '../../os/own-log/logger.ts';
import type { Clock } from '../../runtime/clock.ts';
import { dateOf } from '../../runtime/wall-time.ts';

const LOOK_EVERY = 5_000;
const DAY = 86_400_000;

export class CertificateWatch implements CertificateSource, Disposable {
  readonly #files: () => TlsFiles;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #timer: Disposable;
  readonly #listeners = new Set<(certificates: Certificates) => void>();
  readonly isForClients: boolean;
  #current: Certificates | null = null;
  /** The stamp of the files that were read last. */
  #stamp = '';
  /**
   * The problem at the last check: it may be the moment between the replacement of two files, so it is logged if the
   * next check finds it, too.
   */
  #problem: string | null = null;
  #warnedOn = 0;

  constructor(files: () => TlsFiles, log: Log, clock: Clock) {
    this.#clock = clock;
    this.#files = files;
    this.#log = log;
    this.isForClients = files().clientCa !== null;
    this.look();
    // At the start no replacement is in progress.
    this.#logProblem();
    this.#timer = clock.every(LOOK_EVERY, () => {
      this.#logProblem();
      this.look();
    });
  }

  get current(): Certificates | null {
    return this.#current;
  }

  onChange(listener: (certificates: Certificates) => void): void {
    this.#listeners.add(listener);
  }

  /** Reads the files if they have changed. */
  look(): void {
    this.#warnOfExpiry();
    const files = this.#files();
    const stamp = stampOf(files);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    const read = readCertificates(files);
    if (!('cert' in read)) {
      this.#problem = read.map(({ key, why }) => `daemon.tls.${key}: ${why}`).join('; ');
      return;
    }
    this.#problem = null;
    const isFirst = this.#current === null;
    this.#current = read;
    this.#warnedOn = 0;
    const until = dateOf(read.expiresAt).toISOString();
    this.#log.info(isFirst ? 'the certificate is read' : 'the certificate was renewed', { cert: files.cert, until });
    this.#warnOfExpiry();
    for (const listener of this.#listeners) listener(read);
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#listeners.clear();
  }

  #logProblem(): void {
    if (this.#problem === null) return;
    const what =
      this.#current === null
        ? 'the certificate cannot be used, and nobody is answered over TCP'
        : 'the new certificate cannot be used, and the old one stays in force';
    this.#log.critical(what, { why: this.#problem });
    this.#problem = null;
  }

  /** Warns at most once a day. */
  #warnOfExpiry(): void {
    const { expiresAt } = this.#current ?? {};
    const now = this.#clock.unix();
    if (expiresAt === undefined || expiresAt - now > EXPIRES_SOON || now - this.#warnedOn < DAY) return;
    this.#warnedOn = now;
    const until = dateOf(expiresAt).toISOString();
    if (expiresAt <= now) this.#log.critical('the certificate has expired: renew it', { until });
    else this.#log.warn('the certificate expires soon: renew it', { until });
  }
}
