// The address of the TCP listener, and the Host headers that it accepts.

import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { ListenAddress } from '../../core/model/config.ts';
import { RuntimeError } from '../../errors.ts';

export function printAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this host can reach the address. `bound`: an IP address. */
export function isLoopback(bound: string): boolean {
  return bound === '::1' || /^(::ffff:)?127\./i.test(bound);
}

/**
 * Whether a Host header names this host. A web page of an attacker whose domain resolves to 127.0.0.1 (DNS rebinding)
 * sends the name of that domain. The host's own name is accepted: nobody can register it as a domain.
 */
export function isHostOfThisMachine(header: string | undefined, bound: string): boolean {
  if (header === undefined) return false;
  const found = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{1,5})?$/.exec(header.trim().toLowerCase());
  const host = found?.[1] ?? found?.[2];
  if (host === undefined) return false;
  return isIP(host) !== 0 || host === 'localhost' || host === bound.toLowerCase() || host === hostname().toLowerCase();
}

/** Why opsd cannot listen, with the remedy. */
export function cannotListen(address: ListenAddress, error: NodeJS.ErrnoException): RuntimeError {
  const where = `cannot listen on ${printAddress(address)}`;
  const other = `set daemon.http to another address, or to "" for none`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new RuntimeError(
        `${where}: the port is in use; see by whom with: ss -ltnp 'sport = :${address.port}' - or ${other}`,
      );
    case 'EACCES':
      return new RuntimeError(`${where}: ports below 1024 are for root; ${other}`);
    case 'EADDRNOTAVAIL':
      return new RuntimeError(`${where}: this machine does not have that address; ${other}`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new RuntimeError(`${where}: the name '${address.host}' does not resolve; ${other}`);
    default:
      return new RuntimeError(`${where}: ${error.message}; ${other}`);
  }
}
