// Certificates for tests, made by openssl: authorities, and what they sign.

import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

export interface Signed {
  /** Paths. */
  readonly cert: string;
  readonly key: string;
  /** PEM. */
  readonly texts: { readonly cert: string; readonly key: string };
}

export interface Authority extends Signed {
  /** For 127.0.0.1 and localhost. */
  sign(name: string, days?: number): Signed;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
export const RSA = ['-newkey', 'rsa:2048'];

/** `kind`: of its key, and of those it signs for. */
export function newAuthority(folder: string, name: string, kind: readonly string[] = EC): Authority {
  const make = (file: string, more: readonly string[], days = 30): Signed => {
    const cert = join(folder, `${file}.crt`);
    const key = join(folder, `${file}.key`);
    const subject = ['-subj', `/CN=${file}`, '-days', `${days}`, '-nodes', '-keyout', key, '-out', cert];
    execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...more], { stdio: 'pipe' });
    return { cert, key, texts: { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') } };
  };
  const own = make(name, []);
  const signed = ['-CA', own.cert, '-CAkey', own.key, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  return {
    ...own,
    sign: (file, days) => make(file, [...signed, '-addext', 'basicConstraints=critical,CA:FALSE'], days),
  };
}

/** As a renewal does: each file at once, one after the other. */
export function replace({ cert, key }: Signed, by: Signed): void {
  for (const [from, to] of [
    [by.key, key],
    [by.cert, cert],
  ] as const) {
    copyFileSync(from, `${to}.new`);
    renameSync(`${to}.new`, to);
  }
}
