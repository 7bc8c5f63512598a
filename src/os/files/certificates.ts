// Reads the certificate of the TCP listener: only from files that no other user can have written, and only complete.

import type { TlsFiles } from '../../core/model/config.ts';
import type { Millis } from '../../core/model/spec.ts';
import { doubtAbove, isShared } from '../trust/folders.ts';
import { lookThroughExactly } from '../trust/foreign-path.ts';
import { readTextFile, type TextFile } from './text-file.ts';

export interface Certificates {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

export interface TlsDoubt {
  readonly key: 'cert' | 'key' | 'client_ca';
  /** What is wrong with the file, and what to do. */
  readonly why: string;
}

/** A certificate that is renewed automatically was renewed before this (certbot: 30 days). */
export const EXPIRES_SOON: Millis = 7 * 86_400_000;
/** Bytes: some thousand certificates. */
const LARGEST = 4 * 1024 ** 2;
const DANGER = 'and could put a certificate of his own there';
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export function readCertificates(files: TlsFiles): Certificates | readonly TlsDoubt[] {
  const doubts: TlsDoubt[] = [];
  const read = (key: TlsDoubt['key'], path: string): string | null => {
    const file = readTextFile(path, LARGEST, ourselves());
    const why = whyNotUsed(file, path, key === 'key');
    if (why !== null) doubts.push({ key, why: `${path} ${why}` });
    return file.ok ? file.text : null;
  };
  const cert = read('cert', files.cert);
  const key = read('key', files.key);
  const clientCa = files.clientCa === null ? null : read('client_ca', files.clientCa);
  if (doubts.length > 0 || cert === null || key === null) return doubts;
  return checked(files, { cert, key, clientCa });
}

/** A stamp of the files' inodes, sizes and times: equal as long as nothing changed. */
export function stampOf({ cert, key, clientCa }: TlsFiles): string {
  return [cert, key, ...(clientCa === null ? [] : [clientCa])].map((path) => `${path} ${stamp(path)}`).join('\n');
}

function stamp(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = lookThroughExactly(path);
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return 'missing';
  }
}

function ourselves() {
  const gids = new Set([process.getegid?.() ?? 0, ...(process.getgroups?.() ?? [])]);
  return { credentials: { uid: process.geteuid?.() ?? 0, gids }, name: 'opsd' };
}

function whyNotUsed(file: TextFile, path: string, isKey: boolean): string | null {
  if (!file.ok) return file.isMissing ? 'does not exist; make it, or correct the path' : file.why;
  if (isKey && (file.stats.mode & 0o077) !== 0) return `can be read by others than its owner; chmod 600 ${path}`;
  if (isShared(file.stats)) return `can be written by others than its owner; chmod go-w ${path}`;
  const above = doubtAbove(path, DANGER);
  return above === null ? null : `is not safe there: ${above}`;
}

function checked(files: TlsFiles, texts: Omit<Certificates, 'expiresAt'>): Certificates | readonly TlsDoubt[] {
  const { cert, key, clientCa } = texts;
  // Loaded on demand, only for a configuration with a certificate: 3 MB.
  const { createSecureContext } = process.getBuiltinModule('node:tls');
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  const certificates = (text: string) => (text.match(PEM) ?? []).map((pem) => new X509Certificate(pem));
  try {
    const [own] = certificates(cert);
    if (own === undefined) return [{ key: 'cert', why: `${files.cert} has no certificate in it; it has to be PEM` }];
    createSecureContext({ cert, key });
    // With an empty list Node would trust all well-known authorities: anybody could buy a client certificate.
    if (clientCa !== null && certificates(clientCa).length === 0) {
      return [{ key: 'client_ca', why: `${files.clientCa} has no certificate in it; it has to be PEM` }];
    }
    return { ...texts, expiresAt: own.validToDate.getTime() };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^error:[0-9A-F]+:/i, '') : String(error);
    const both = `${files.cert} and ${files.key} are no certificate and its key, both PEM (${why})`;
    return [{ key: 'cert', why: `${both}; write both anew` }];
  }
}
