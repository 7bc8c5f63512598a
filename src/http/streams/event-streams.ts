// Server-sent events for many listeners at once: each change is put into words once, and nobody can make a queue grow.

import type { ServerResponse } from 'node:http';
import type { Control } from '../../api/control.ts';
import type { EventView } from '../../api/events.ts';
import type { Millis } from '../../core/model/spec.ts';
import { Alarm, every, monotonic, wallNow } from '../../runtime/clock.ts';
import type { ListenerKind } from '../context.ts';
import { peerOf } from '../peer.ts';
import { StatusFeed } from './status-feed.ts';

/** `changes`: each change of state. `services`: all services, then what changed of them, at most once a second. */
type StreamKind = 'changes' | 'services';

interface Listener {
  readonly response: ServerResponse;
  readonly door: ListenerKind;
  readonly peer: string;
  readonly kind: StreamKind;
  /** Id of the last change it was given. */
  lastId: number;
  /** The last round of `services` it was given. */
  round: number;
  saidAt: Millis;
  /** Since when it has not read what it was given; null: it has. */
  stuckSince: Millis | null;
}

/** Each door has its own, so that a crowd at the port leaves some for ctl. */
const MAX_LISTENERS = { socket: 64, tcp: 128 };
/** Of one address (see peerOf). */
const MAX_OF_PEER = 96;
/** What happens within so long goes out together. */
const GATHER: Millis = 50;
const ROUND: Millis = 1_000;
/** Silence is broken after so long: proxies and clients tell a quiet stream from a dead one by it. */
const HEARTBEAT: Millis = 10_000;
/** A listener with more than this unread gets nothing more until it has read; it loses nothing but the time. */
const UNREAD_LIMIT = 64 * 1024;
/** One that has not read for so long is dropped. */
const STUCK_LIMIT: Millis = 30_000;
/** What `Last-Event-ID` and `since` may be: `<pid of the daemon>.<id>`, or the id alone. */
const EVENT_ID = /^(?:(\d{1,10})\.)?(\d{1,15})$/;

export class EventStreams implements Disposable {
  readonly #control: Control;
  readonly #listeners = new Set<Listener>();
  readonly #gather = new Alarm(() => this.#giveChanges());
  #gathering = false;
  #subscription: Disposable | null = null;
  #rounds: Disposable | null = null;
  #round = 0;
  #feed: StatusFeed | null = null;

  constructor(control: Control) {
    this.#control = control;
  }

  /** Takes over the response; false: there are too many listeners. `since`: an id, see EVENT_ID; null: only what comes. */
  add(response: ServerResponse, door: ListenerKind, kind: StreamKind, since: string | null): boolean {
    const peer = response.socket === null ? null : peerOf(response.socket);
    if (peer === null || this.#isFull(door, peer)) return false;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
      'X-Content-Type-Options': 'nosniff',
    });
    const lastId = this.#startAfter(since);
    const listener: Listener = { response, door, peer, kind, lastId, round: -1, saidAt: monotonic(), stuckSince: null };
    this.#listeners.add(listener);
    response.once('close', () => this.#remove(listener));
    response.write('retry: 1000\n\n');
    this.#wake();
    if (kind === 'changes') this.#giveChanges();
    else this.#giveAllServices(listener);
    return true;
  }

  [Symbol.dispose](): void {
    for (const { response } of this.#listeners) response.end();
    this.#listeners.clear();
    this.#rest();
  }

  #isFull(door: ListenerKind, peer: string): boolean {
    const others = [...this.#listeners].filter((listener) => listener.door === door);
    if (others.length >= MAX_LISTENERS[door]) return true;
    return others.filter((listener) => listener.peer === peer).length >= MAX_OF_PEER;
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#rest();
  }

  #wake(): void {
    this.#subscription ??= this.#control.events(() => this.#hear());
    this.#rounds ??= every(ROUND, () => this.#makeRound());
  }

  #hear(): void {
    if (!this.#gathering) this.#gather.set(GATHER);
    this.#gathering = true;
  }

  #rest(): void {
    this.#gather[Symbol.dispose]();
    this.#gathering = false;
    this.#subscription?.[Symbol.dispose]();
    this.#rounds?.[Symbol.dispose]();
    this.#subscription = null;
    this.#rounds = null;
    this.#feed = null;
  }

  #startAfter(since: string | null): number {
    const newest = this.#control.recentEvents().at(-1)?.id ?? 0;
    const found = EVENT_ID.exec(since ?? '');
    if (found === null) return newest;
    // An id of another daemon's life says nothing about this one.
    const sameLife = found[1] === undefined || Number(found[1]) === process.pid;
    return sameLife ? Math.min(Number(found[2]), newest) : 0;
  }

  #of(kind: StreamKind): Listener[] {
    return [...this.#listeners].filter((listener) => listener.kind === kind);
  }

  #makeRound(): void {
    this.#giveServiceChanges();
    this.#giveChanges();
    const now = monotonic();
    for (const listener of this.#listeners) {
      if (now - listener.saidAt >= HEARTBEAT && canTake(listener, now))
        say(listener, listener.kind === 'services' ? word('beat', { at: wallNow() }) : ':\n\n', now);
    }
  }

  /** The last 1,000 events, which the daemon keeps anyway, are the queue of every listener. */
  #giveChanges(): void {
    this.#gathering = false;
    const events = this.#control.recentEvents();
    const newest = events.at(-1)?.id ?? 0;
    const now = monotonic();
    let words: ChangesInWords | null = null;
    for (const listener of this.#of('changes')) {
      if (listener.lastId >= newest || !canTake(listener, now)) continue;
      words ??= new ChangesInWords(events);
      say(listener, words.after(listener.lastId), now);
      listener.lastId = newest;
    }
  }

  /** A newcomer gets what the others know, so that the next difference is right for all. */
  #giveAllServices(listener: Listener): void {
    const now = monotonic();
    this.#feed ??= new StatusFeed(this.#control.status(), now);
    listener.round = this.#round;
    say(listener, word('services', { ...this.#feed.all(now), at: wallNow() }), now);
  }

  /** Who has the last round gets the difference; who was stuck then gets everything. */
  #giveServiceChanges(): void {
    const listeners = this.#of('services');
    if (listeners.length === 0) {
      this.#feed = null;
      return;
    }
    const now = monotonic();
    const status = this.#control.status();
    this.#feed ??= new StatusFeed(status, now);
    const changes = this.#feed.advance(status, now);
    const difference = changes === null ? null : Buffer.from(word('changed', { ...changes, at: wallNow() }));
    let all: Buffer | null = null;
    for (const listener of listeners) {
      if (!canTake(listener, now)) continue;
      if (listener.round !== this.#round) {
        all ??= Buffer.from(word('services', { ...this.#feed.all(now), at: wallNow() }));
        say(listener, all, now);
      } else if (difference !== null) say(listener, difference, now);
      listener.round = this.#round + 1;
    }
    this.#round++;
  }
}

/** Each change is put into words once, wherever in them a listener begins. */
class ChangesInWords {
  readonly #events: readonly EventView[];
  readonly #lines: readonly string[];

  constructor(events: readonly EventView[]) {
    this.#events = events;
    this.#lines = events.map((event) => `id: ${process.pid}.${event.id}\n${word('state', event)}`);
  }

  after(id: number): string {
    const oldest = this.#events[0]?.id ?? id + 1;
    const missed = Math.max(0, oldest - id - 1);
    // The ids of what is kept have no gaps.
    const lines = this.#lines.slice(Math.max(0, id + 1 - oldest));
    return (missed > 0 ? word('gap', { missed }) : '') + lines.join('');
  }
}

function word(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Whether a listener has read enough to be given more; drops one that has not for too long. */
function canTake(listener: Listener, now: Millis): boolean {
  if (listener.response.writableLength <= UNREAD_LIMIT) {
    listener.stuckSince = null;
    return true;
  }
  listener.stuckSince ??= now;
  if (now - listener.stuckSince > STUCK_LIMIT) listener.response.destroy();
  return false;
}

function say(listener: Listener, words: Buffer | string, now: Millis): void {
  listener.saidAt = now;
  listener.response.write(words);
}
