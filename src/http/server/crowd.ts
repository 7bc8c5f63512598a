// The connections of a listener: when all places are taken, a new one replaces the one that has been silent for longest.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { peerOf } from '../peer.ts';

interface Places {
  readonly all: number;
  /** For one peer (see peerOf). */
  readonly ofPeer: number;
  /** The part of `ofPeer` that may wait for an answer at once: the rest stays free for urgent requests. */
  readonly busyOfPeer: number;
  /** TLS handshakes in progress: each costs a signature, and many clients may start one at the same moment. */
  readonly handshaking: number;
}

interface Guest {
  readonly socket: Socket;
  readonly peer: string;
  /** The number of requests in progress. */
  busy: number;
}

/** Guests by peer, in the order in which they were added. */
class Ranks {
  readonly #peers = new Map<string, Set<Guest>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  sizeOf(peer: string): number {
    return this.#peers.get(peer)?.size ?? 0;
  }

  add(guest: Guest): void {
    const peers = this.#peers.get(guest.peer) ?? new Set();
    if (peers.has(guest)) return;
    this.#peers.set(guest.peer, peers.add(guest));
    this.#size += 1;
  }

  delete(guest: Guest): void {
    const peers = this.#peers.get(guest.peer);
    if (!peers?.delete(guest)) return;
    this.#size -= 1;
    if (peers.size === 0) this.#peers.delete(guest.peer);
  }

  /** The guest of the peer that was added first; null: of the peer with the most guests. */
  oldest(peer: string | null): Guest | undefined {
    const peers = peer === null ? this.#largest() : this.#peers.get(peer);
    return peers?.values().next().value;
  }

  #largest(): Set<Guest> | undefined {
    let largest: Set<Guest> | undefined;
    for (const peers of this.#peers.values()) if (peers.size > (largest?.size ?? 0)) largest = peers;
    return largest;
  }
}

export class Crowd {
  readonly #places: Places;
  readonly #guests = new Map<Socket | string, Guest>();
  readonly #all = new Ranks();
  /** Guests without a request in progress: since the connection or the last answer no complete head has arrived. */
  readonly #silent = new Ranks();
  readonly #busy = new Ranks();
  readonly #handshaking = new Ranks();

  constructor(places: Places) {
    this.#places = places;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Adds a new connection. `isShaking`: its TLS handshake comes first. */
  enter(socket: Socket, isShaking: boolean): void {
    const key = keyOf(socket);
    const peer = peerOf(socket);
    if (!this.#makeRoom(peer, isShaking)) {
      socket.destroy();
      return;
    }
    const guest: Guest = { socket, peer, busy: 0 };
    this.#guests.set(key, guest);
    this.#all.add(guest);
    this.#silent.add(guest);
    if (isShaking) this.#handshaking.add(guest);
    socket.once('close', () => {
      if (this.#guests.get(key) === guest) this.#guests.delete(key);
      this.#leave(guest);
    });
  }

  /** The TLS handshake of the connection is complete. */
  onHandshake(socket: Socket): void {
    const guest = this.#guests.get(keyOf(socket));
    if (guest !== undefined) this.#handshaking.delete(guest);
  }

  /** The connection has a request in progress and is not evicted until the answer. false: its peer has too many. */
  serve({ socket }: IncomingMessage, response: ServerResponse): boolean {
    const guest = this.#guests.get(keyOf(socket));
    if (guest === undefined) return false;
    guest.busy += 1;
    this.#silent.delete(guest);
    this.#busy.add(guest);
    response.once('close', () => {
      guest.busy -= 1;
      if (guest.busy > 0) return;
      this.#busy.delete(guest);
      if (!guest.socket.destroyed) this.#silent.add(guest);
    });
    return this.#busy.sizeOf(guest.peer) <= this.#places.busyOfPeer;
  }

  /** false: every guest that could be evicted has a request in progress. */
  #makeRoom(peer: string, isShaking: boolean): boolean {
    const { all, ofPeer, handshaking } = this.#places;
    if (isShaking && this.#handshaking.size >= handshaking) this.#evict(this.#handshaking.oldest(null));
    if (this.#all.sizeOf(peer) >= ofPeer && !this.#evict(this.#silent.oldest(peer))) return false;
    return this.#all.size < all || this.#evict(this.#silent.oldest(null));
  }

  #evict(guest: Guest | undefined): boolean {
    if (guest === undefined) return false;
    this.#leave(guest);
    guest.socket.destroy();
    return true;
  }

  #leave(guest: Guest): void {
    for (const ranks of [this.#all, this.#silent, this.#busy, this.#handshaking]) ranks.delete(guest);
  }
}

/** A TLS socket and the TCP socket below it are different objects with equal addresses; unix sockets have no address. */
function keyOf(socket: Socket): Socket | string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
