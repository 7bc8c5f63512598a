// What the routes are made of: the daemon that answers, and the listener that they serve.

import type { Commands, Queries } from '../../api/control.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { ListenerKind, Log } from '../context.ts';
import type { EventStreams } from '../streams/event-streams.ts';

export interface RouteOptions {
  readonly queries: Queries;
  /** null: this listener has none, and nothing that it is asked changes anything. */
  readonly commands: Commands | null;
  readonly clock: Clock;
  readonly door: ListenerKind;
  readonly streams: EventStreams;
  readonly log: Log;
  readonly pageLogs: () => boolean;
  readonly hide: (text: string) => string;
  /** Resolves when the one who asks may be served: of strangers not more than one in each turn of the loop. */
  readonly turn: () => Promise<void>;
}
