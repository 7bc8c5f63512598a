// What many ask for and what costs as much as there are services: looked at and put into words once for all of them.

import type { StatusView } from '../../api/services.ts';
import type { Millis } from '../../core/model/spec.ts';
import { Fresh } from './fresh.ts';
import { graphOf } from './graph.ts';
import type { RouteOptions } from './route-options.ts';

/** How long an answer serves others too. A change of state makes it old before that. */
const KEEP: Millis = 250;

type Bytes = Uint8Array<ArrayBuffer>;

/** Pages and scrapers share answers; who asks over the socket may just have changed something and gets a new one. */
export class SharedAnswers {
  readonly status: Fresh<StatusView>;
  readonly services: Fresh<Bytes>;
  readonly graph: Fresh<Bytes>;
  readonly rollouts: Fresh<Bytes>;
  readonly events: Fresh<Bytes>;
  readonly metrics: Fresh<Promise<Bytes>>;

  constructor({ control, door }: RouteOptions) {
    const keep = door === 'tcp' ? KEEP : 0;
    const version = () => control.recentEvents().at(-1)?.id ?? 0;
    const shared = <T>(make: () => T) => new Fresh(keep, version, make);
    this.status = shared(() => control.status());
    this.services = shared(() => worded(this.status.get()));
    this.graph = shared(() => worded(graphOf(control.graph(), null)));
    this.rollouts = shared(() => worded({ version: 1, rollouts: control.rollouts() }));
    this.events = shared(() => worded({ version: 1, events: control.recentEvents() }));
    // Loaded with the first scrape: not everybody has a Prometheus, and it takes 5 MB.
    this.metrics = shared(async () => {
      const { renderMetrics } = await import('../metrics/metrics.ts');
      return renderMetrics(control.metrics());
    });
  }
}

function worded(value: unknown): Bytes {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
