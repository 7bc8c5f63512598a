// The peer of a connection: all addresses that one client can choose from count as one peer.

import type { Socket } from 'node:net';

/** The peer of all connections over the unix socket. */
const LOCAL_PEER = 'socket';

/** Any user of this host can use every address of 127.0.0.0/8, and an IPv6 host every address of its /64 network. */
export function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  if (remoteAddress === undefined || remotePort === undefined) return LOCAL_PEER;
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
  if (/^127\./.test(address) || address === '::1') return 'loopback';
  if (!address.includes(':')) return address;
  const [start = '', end = ''] = address.replace(/%.*$/, '').split('::');
  const groups = start === '' ? [] : start.split(':');
  const tail = end === '' ? [] : end.split(':');
  // The first four of eight groups are the /64 network.
  const missing = address.includes('::') ? 8 - groups.length - tail.length : 0;
  return [...groups, ...Array.from({ length: missing }, () => '0'), ...tail].slice(0, 4).join(':');
}
