// Server-sent events for many listeners: each event is serialised once, and no listener can make a queue grow.

import type { ServerResponse } from 'node:http';
import type { Queries, Streams } from '../../api/control.ts';
import type { EventView } from '../../api/events.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Alarm, Clock } from '../../runtime/clock.ts';
import { dateOf } from '../../runtime/wall-time.ts';
import type { ListenerKind } from '../context.ts';
import { peerOf } from '../peer.ts';
import { StatusFeed } from './status-feed.ts';

/** `changes`: each transition. `services`: all services, then the changed fields at most once a second. */
type StreamKind = 'changes' | 'services';

interface Listener {
  readonly response: ServerResponse;
  readonly via: ListenerKind;
  readonly peer: string;
  readonly kind: StreamKind;
  /** The id of the last event that it was sent. */
  lastId: number;
  /** The last round of `services` that it was sent. */
  round: number;
  saidAt: Millis;
  /** Since when it has too much unread; null: it keeps up. */
  stuckSince: Millis | null;
}

/** By listener: any number of TCP clients leaves streams free for ctl. */
const MAX_LISTENERS = { socket: 64, tcp: 128 };
/** For one peer (see peerOf). */
const MAX_OF_PEER = 96;
/** Events within this time are sent together. */
const GATHER: Millis = 50;
const ROUND: Millis = 1_000;
/** A quiet stream sends something this often, so that proxies and clients can tell it from a dead one. */
const HEARTBEAT: Millis = 10_000;
/** A listener with more unread bytes is sent nothing until it has read; it gets everything later. */
const UNREAD_LIMIT = 64 * 1024;
/** A listener that has not read for this long is dropped. */
const STUCK_LIMIT: Millis = 30_000;
/** The form of `Last-Event-ID` and `since`: `<pid of opsd>.<id>`, or the id alone. */
const EVENT_ID = /^(?:(\d{1,10})\.)?(\d{1,15})$/;

export class EventStreams implements Disposable {
  readonly #source: Queries & Streams;
  readonly #listeners = new Set<Listener>();
  readonly #clock: Clock;
  readonly #gather: Alarm;
  #gathering = false;
  #subscription: Disposable | null = null;
  #rounds: Disposable | null = null;
  #round = 0;
  #feed: StatusFeed | null = null;

  constructor(source: Queries & Streams, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#gather = clock.alarm(() => this.#giveChanges());
  }

  /** Takes over the response; false: too many listeners. `since`: an id, see EVENT_ID; null: only new events. */
  add(response: ServerResponse, via: ListenerKind, kind: StreamKind, since: string | null): boolean {
    const peer = response.socket === null ? null : peerOf(response.socket);
    if (peer === null || this.#isFull(via, peer)) return false;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
      'X-Content-Type-Options': 'nosniff',
    });
    const lastId = this.#startAfter(since);
    const listener: Listener = {
      response,
      via,
      peer,
      kind,
      lastId,
      round: -1,
      saidAt: this.#clock.now(),
      stuckSince: null,
    };
    this.#listeners.add(listener);
    response.once('close', () => this.#remove(listener));
    response.write('retry: 1000\n\n');
    this.#subscribe();
    if (kind === 'changes') this.#giveChanges();
    else this.#giveAllServices(listener);
    return true;
  }

  [Symbol.dispose](): void {
    for (const { response } of this.#listeners) response.end();
    this.#listeners.clear();
    this.#unsubscribe();
  }

  #wallNow(): Date {
    return dateOf(this.#clock.unix());
  }

  #isFull(via: ListenerKind, peer: string): boolean {
    const others = [...this.#listeners].filter((listener) => listener.via === via);
    if (others.length >= MAX_LISTENERS[via]) return true;
    return others.filter((listener) => listener.peer === peer).length >= MAX_OF_PEER;
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.#unsubscribe();
  }

  #subscribe(): void {
    this.#subscription ??= this.#source.events(() => this.#onEvent());
    this.#rounds ??= this.#clock.every(ROUND, () => this.#makeRound());
  }

  #onEvent(): void {
    if (!this.#gathering) this.#gather.set(GATHER);
    this.#gathering = true;
  }

  #unsubscribe(): void {
    this.#gather[Symbol.dispose]();
    this.#gathering = false;
    this.#subscription?.[Symbol.dispose]();
    this.#rounds?.[Symbol.dispose]();
    this.#subscription = null;
    this.#rounds = null;
    this.#feed = null;
  }

  #startAfter(since: string | null): number {
    const newest = this.#source.recentEvents().at(-1)?.id ?? 0;
    const found = EVENT_ID.exec(since ?? '');
    if (found === null) return newest;
    // The ids of another opsd process count anew: send everything that is kept.
    const sameLife = found[1] === undefined || Number(found[1]) === process.pid;
    return sameLife ? Math.min(Number(found[2]), newest) : 0;
  }

  #of(kind: StreamKind): Listener[] {
    return [...this.#listeners].filter((listener) => listener.kind === kind);
  }

  #makeRound(): void {
    this.#giveServiceChanges();
    this.#giveChanges();
    const now = this.#clock.now();
    for (const listener of this.#listeners) {
      if (now - listener.saidAt >= HEARTBEAT && canTake(listener, now))
        send(listener, listener.kind === 'services' ? eventText('beat', { at: this.#wallNow() }) : ':\n\n', now);
    }
  }

  /** The last 1,000 events, which opsd keeps anyway, are the queue of every listener. */
  #giveChanges(): void {
    this.#gathering = false;
    const events = this.#source.recentEvents();
    const newest = events.at(-1)?.id ?? 0;
    const now = this.#clock.now();
    let words: EventTexts | null = null;
    for (const listener of this.#of('changes')) {
      if (listener.lastId >= newest || !canTake(listener, now)) continue;
      words ??= new EventTexts(events);
      send(listener, words.after(listener.lastId), now);
      listener.lastId = newest;
    }
  }

  /** A new listener gets what the others were sent, so that the next difference is right for all. */
  #giveAllServices(listener: Listener): void {
    const now = this.#clock.now();
    this.#feed ??= new StatusFeed(this.#source.status(), now);
    listener.round = this.#round;
    send(listener, eventText('services', { ...this.#feed.all(now), at: this.#wallNow() }), now);
  }

  /** A listener that has the last round gets the difference; one that missed it gets all services. */
  #giveServiceChanges(): void {
    const listeners = this.#of('services');
    if (listeners.length === 0) {
      this.#feed = null;
      return;
    }
    const now = this.#clock.now();
    const status = this.#source.status();
    this.#feed ??= new StatusFeed(status, now);
    const changes = this.#feed.advance(status, now);
    const difference = changes === null ? null : Buffer.from(eventText('changed', { ...changes, at: this.#wallNow() }));
    let all: Buffer | null = null;
    for (const listener of listeners) {
      if (!canTake(listener, now)) continue;
      if (listener.round !== this.#round) {
        all ??= Buffer.from(eventText('services', { ...this.#feed.all(now), at: this.#wallNow() }));
        send(listener, all, now);
      } else if (difference !== null) send(listener, difference, now);
      listener.round = this.#round + 1;
    }
    this.#round++;
  }
}

/** The kept events as text, made once for all listeners. */
class EventTexts {
  readonly #events: readonly EventView[];
  readonly #lines: readonly string[];

  constructor(events: readonly EventView[]) {
    this.#events = events;
    this.#lines = events.map((event) => `id: ${process.pid}.${event.id}\n${eventText('state', event)}`);
  }

  after(id: number): string {
    const oldest = this.#events[0]?.id ?? id + 1;
    const missed = Math.max(0, oldest - id - 1);
    // The ids of the kept events have no gaps.
    const lines = this.#lines.slice(Math.max(0, id + 1 - oldest));
    return (missed > 0 ? eventText('gap', { missed }) : '') + lines.join('');
  }
}

function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Whether a listener has read enough to be sent more; drops one that has been stuck for too long. */
function canTake(listener: Listener, now: Millis): boolean {
  if (listener.response.writableLength <= UNREAD_LIMIT) {
    listener.stuckSince = null;
    return true;
  }
  listener.stuckSince ??= now;
  if (now - listener.stuckSince > STUCK_LIMIT) listener.response.destroy();
  return false;
}

function send(listener: Listener, words: Buffer | string, now: Millis): void {
  listener.saidAt = now;
  listener.response.write(words);
}
