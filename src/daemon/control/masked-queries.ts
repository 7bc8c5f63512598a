// Stands between the daemon and HTTP, and masks secrets in everything that is told.

import type { Queries, Streams } from '../../api/control.ts';
import type { EventView } from '../../api/events.ts';
import type { ServiceLog } from '../../api/logs.ts';
import type { MetricsView } from '../../api/metrics.ts';
import type { RolloutView } from '../../api/rollouts.ts';
import type { NodeView, ServiceView, StatusView } from '../../api/services.ts';
import type { WhyView } from '../../api/why.ts';
import { hideAll, type Masks } from '../../text/masks.ts';

export class MaskedQueries implements Queries, Streams {
  readonly #queries: Queries & Streams;
  readonly #masks: Masks;

  constructor(queries: Queries & Streams, masks: Masks) {
    this.#queries = queries;
    this.#masks = masks;
  }

  status(): StatusView {
    const status = this.#queries.status();
    const refused = status.refused === null ? null : hideAll(status.refused, this.#masks);
    return { ...status, refused, services: status.services.map((service) => this.#service(service)) };
  }

  rollouts(): readonly RolloutView[] {
    return hideAll(this.#queries.rollouts(), this.#masks);
  }

  why(service: string, showsOutput: boolean): WhyView | null {
    return hideAll(this.#queries.why(service, showsOutput), this.#masks);
  }

  lastLines(service: string): readonly string[] {
    return hideAll(this.#queries.lastLines(service), this.#masks);
  }

  // Events are masked where they are made. The rest has no texts but names, or is not shown.

  events(listener: (event: EventView) => void): Disposable {
    return this.#queries.events(listener);
  }

  recentEvents(): readonly EventView[] {
    return this.#queries.recentEvents();
  }

  graph(): readonly NodeView[] {
    return this.#queries.graph();
  }

  logOf(service: string): ServiceLog | null {
    return this.#queries.logOf(service);
  }

  live(): { readonly ok: boolean; readonly lagSeconds: number } {
    return this.#queries.live();
  }

  ready(): { readonly ok: boolean; readonly waiting: readonly string[] } {
    return this.#queries.ready();
  }

  metrics(): MetricsView {
    return this.#queries.metrics();
  }

  /** Field by field, for speed: there may be thousands of services, queried every second. */
  #service(service: ServiceView): ServiceView {
    const { reason, last_probe_failure: no, tags, rollout } = service;
    return {
      ...service,
      reason: this.#masks.hide(reason),
      last_probe_failure: no === null ? null : this.#masks.hide(no),
      tags: tags.length === 0 ? tags : tags.map((tag) => this.#masks.hide(tag)),
      rollout: rollout === null ? null : hideAll(rollout, this.#masks),
    };
  }
}
