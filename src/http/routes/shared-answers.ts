// Answers whose cost grows with the number of services: made once for all clients that ask at nearly the same time.

import type { StatusView } from '../../api/services.ts';
import type { Millis } from '../../core/model/spec.ts';
import { Fresh } from './fresh.ts';
import { graphOf } from './graph.ts';
import type { RouteOptions } from './route-options.ts';

/** How long an answer is reused; a transition ends that earlier. */
const KEEP: Millis = 250;

type Bytes = Uint8Array<ArrayBuffer>;

/** TCP clients share answers; a client of the socket may just have changed something and gets a new one. */
export class SharedAnswers {
  readonly status: Fresh<StatusView>;
  readonly services: Fresh<Bytes>;
  readonly graph: Fresh<Bytes>;
  readonly rollouts: Fresh<Bytes>;
  readonly events: Fresh<Bytes>;
  readonly metrics: Fresh<Promise<Bytes>>;

  constructor({ queries, clock, via }: RouteOptions) {
    const keep = via === 'tcp' ? KEEP : 0;
    const version = () => queries.recentEvents().at(-1)?.id ?? 0;
    const shared = <T>(make: () => T) => new Fresh(keep, version, make, clock);
    this.status = shared(() => queries.status());
    this.services = shared(() => jsonBytes(this.status.get()));
    this.graph = shared(() => jsonBytes(graphOf(queries.graph(), null)));
    this.rollouts = shared(() => jsonBytes({ version: 1, rollouts: queries.rollouts() }));
    this.events = shared(() => jsonBytes({ version: 1, events: queries.recentEvents() }));
    // prom-client is loaded with the first scrape: it takes 5 MB, and not every host is scraped.
    this.metrics = shared(async () => {
      const { renderMetrics } = await import('../metrics/metrics.ts');
      return renderMetrics(queries.metrics());
    });
  }
}

function jsonBytes(value: unknown): Bytes {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
