// Asks a service over HTTP for a status, and takes every answer that curl(1) takes: nothing but the status matters.

import { connect, isIP, type Socket } from 'node:net';

/** What curl takes for a status line: any case, HTTP/2 in clear text, no reason, spaces or none in front of it. */
const STATUS_LINE = /^HTTP\/(?:1\.[01]|2(?:\.0)?) +(\d{3})(?!\d)/i;
/** Bytes of a line that are looked at. */
const LONGEST_START = 64;
/** Bytes of a head; curl reads 300 KiB. */
const LONGEST_HEAD = 300 * 1024;
const LF = 0x0a;
const CR = 0x0d;
/** An interim response that another one follows (RFC 9110, 15.2); after 101 there is another protocol. */
const isInterim = (status: number) => status >= 100 && status < 200 && status !== 101;

type End = { readonly status: number } | { readonly error: string };

/** Returns what ends the question early; `tell` may be called more than once, and the first call counts. */
export function askForStatus(target: URL, tell: (end: End) => void): () => void {
  const socket = open(target);
  const head = new Head();
  const fail = (error: string) => tell({ error });
  socket.on('error', ({ message }) => fail(message));
  socket.once(target.protocol === 'https:' ? 'secureConnect' : 'connect', () => socket.write(requestFor(target)));
  socket.on('data', (bytes: Buffer) => {
    const status = head.take(bytes);
    if (status !== null) tell({ status });
    else if (head.isNone) fail('the answer does not begin with a status line of HTTP/1');
    else if (head.length > LONGEST_HEAD) fail(`its header fields have more than ${LONGEST_HEAD / 1024} KiB`);
  });
  // A head that ends with the connection is one, if its status line is whole.
  socket.on('close', () => (head.status === null ? fail('it closed the connection') : tell({ status: head.status })));
  return () => socket.destroy();
}

function open({ protocol, hostname, port }: URL): Socket {
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (protocol !== 'https:') return connect({ host, port: Number(port || 80) });
  // Loaded on demand: most services have no such probe, and TLS alone takes 10 MB.
  const tls = process.getBuiltinModule('node:tls');
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return tls.connect({ host, port: Number(port || 443), ALPNProtocols: ['http/1.1'], ...servername });
}

function requestFor({ host, pathname, search, username, password }: URL): string {
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const login = user === ':' ? '' : `Authorization: Basic ${Buffer.from(user).toString('base64')}\r\n`;
  const fields = `Host: ${host}\r\nUser-Agent: opsd\r\nAccept: */*\r\n${login}Connection: close\r\n`;
  return `GET ${pathname}${search} HTTP/1.1\r\n${fields}\r\n`;
}

/** The head of a response, line by line; a line ends with LF, and a CR in front of it counts for nothing. */
class Head {
  /** Of the last status line. */
  status: number | null = null;
  /** It is no response of HTTP/1. */
  isNone = false;
  length = 0;
  #isInFields = false;
  #start = '';
  #isEmpty = true;

  /** The status, once its head is over; null: not yet. */
  take(bytes: Buffer): number | null {
    for (const byte of bytes) {
      this.length += 1;
      if (byte === LF) {
        if (this.#endLine()) return this.status;
        if (this.isNone) return null;
      } else if (byte !== CR) {
        this.#isEmpty = false;
        if (this.#start.length < LONGEST_START) this.#start += String.fromCharCode(byte);
      }
    }
    return null;
  }

  /** Whether the head is over. */
  #endLine(): boolean {
    const line = this.#start;
    const isEmpty = this.#isEmpty;
    this.#start = '';
    this.#isEmpty = true;
    if (this.#isInFields) {
      if (!isEmpty) return false;
      this.#isInFields = false;
      return this.status !== null && !isInterim(this.status);
    }
    // Some servers send an empty line after the response before.
    if (isEmpty) return false;
    const [, status] = STATUS_LINE.exec(line) ?? [];
    this.isNone = status === undefined;
    this.status = status === undefined ? null : Number(status);
    this.#isInFields = true;
    return false;
  }
}
