// Who is connected: when all places are taken a newcomer gets that of somebody who has said nothing whole for longest.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { peerOf } from '../peer.ts';

interface Places {
  readonly all: number;
  /** Of one address (see peerOf). */
  readonly ofPeer: number;
  /** Of these, the ones that can be asked something that takes its time: others can always come and ask something urgent. */
  readonly busyOfPeer: number;
  /** Whose encryption is being negotiated: each costs a signature, and a crowd may begin at the same moment. */
  readonly shaking: number;
}

interface Guest {
  readonly socket: Socket;
  readonly peer: string;
  /** Requests that are being answered. */
  busy: number;
}

/** Guests by peer, each in the order in which they came to be here. */
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

  /** Who has been here for longest, of this peer; without one of the peer that has most here. */
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
  /** Who asks for nothing at this moment: from the connection, or the last answer, to the end of the next request's head. */
  readonly #silent = new Ranks();
  readonly #busy = new Ranks();
  readonly #shaking = new Ranks();

  constructor(places: Places) {
    this.#places = places;
  }

  get size(): number {
    return this.#all.size;
  }

  /** A connection that was just accepted. `isShaking`: nothing can be asked before it is encrypted. */
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
    if (isShaking) this.#shaking.add(guest);
    socket.once('close', () => {
      if (this.#guests.get(key) === guest) this.#guests.delete(key);
      this.#leave(guest);
    });
  }

  /** Its encryption is agreed. */
  shaken(socket: Socket): void {
    const guest = this.#guests.get(keyOf(socket));
    if (guest !== undefined) this.#shaking.delete(guest);
  }

  /** It has asked for something, and is left alone until that is answered. false: too many of its address are. */
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

  /** false: everybody who would have to make room is being answered. */
  #makeRoom(peer: string, isShaking: boolean): boolean {
    const { all, ofPeer, shaking } = this.#places;
    if (isShaking && this.#shaking.size >= shaking) this.#evict(this.#shaking.oldest(null));
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
    for (const ranks of [this.#all, this.#silent, this.#busy, this.#shaking]) ranks.delete(guest);
  }
}

/** An encrypted socket and the one below it are different objects with the same addresses; unix sockets have none. */
function keyOf(socket: Socket): Socket | string {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return socket;
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
