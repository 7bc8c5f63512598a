// What the routes of one listener need: the daemon's queries and commands, the streams, the log.

import type { Commands, Queries } from '../../api/control.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { HttpLog, ListenerKind } from '../context.ts';
import type { EventStreams } from '../streams/event-streams.ts';

export interface RouteOptions {
  readonly queries: Queries;
  /** null: the listener takes no commands, so no request to it can change anything. */
  readonly commands: Commands | null;
  readonly clock: Clock;
  readonly via: ListenerKind;
  readonly streams: EventStreams;
  readonly log: HttpLog;
  readonly pageLogs: () => boolean;
  readonly hide: (text: string) => string;
  /** Resolves when the request may be answered: on TCP one request in each turn of the loop. */
  readonly turn: () => Promise<void>;
}
