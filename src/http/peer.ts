// Who a client is, as far as addresses tell: whoever has many of them to choose from counts once.

import type { Socket } from 'node:net';

/** Everybody who came through the unix socket. */
const LOCAL_PEER = 'socket';

/** Any user of this host may take any address of 127.0.0.0/8, and whoever has an IPv6 network a whole /64 of them. */
export function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  if (remoteAddress === undefined || remotePort === undefined) return LOCAL_PEER;
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
  if (/^127\./.test(address) || address === '::1') return 'loopback';
  if (!address.includes(':')) return address;
  const [start = '', end = ''] = address.replace(/%.*$/, '').split('::');
  const groups = start === '' ? [] : start.split(':');
  const tail = end === '' ? [] : end.split(':');
  // Only the first four of eight groups tell one network from another.
  const missing = address.includes('::') ? 8 - groups.length - tail.length : 0;
  return [...groups, ...Array.from({ length: missing }, () => '0'), ...tail].slice(0, 4).join(':');
}
