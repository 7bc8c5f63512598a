// Stands between the daemon and HTTP, and masks secrets in everything that goes out.

import type { Control, Order, Taken } from '../api/control.ts';
import type { EventView } from '../api/events.ts';
import type { ServiceLog } from '../api/logs.ts';
import type { MetricsView } from '../api/metrics.ts';
import type { ReloadResult, ScaleResult } from '../api/reload.ts';
import type { RolloutAction, RolloutView } from '../api/rollouts.ts';
import type { NodeView, ServiceView, StatusView } from '../api/services.ts';
import type { WhyView } from '../api/why.ts';
import type { Outcome } from '../core/model/effects.ts';
import { hideAll, type Masks } from '../text/masks.ts';
import { maskedOutcome } from './report/masked.ts';

export class MaskedControl implements Control {
  readonly #control: Control;
  readonly #masks: Masks;

  constructor(control: Control, masks: Masks) {
    this.#control = control;
    this.#masks = masks;
  }

  status(): StatusView {
    const status = this.#control.status();
    return { ...status, services: status.services.map((service) => this.#service(service)) };
  }

  rollouts(): readonly RolloutView[] {
    return hideAll(this.#control.rollouts(), this.#masks);
  }

  why(service: string, showsOutput: boolean): WhyView | null {
    return hideAll(this.#control.why(service, showsOutput), this.#masks);
  }

  lastLines(service: string): readonly string[] {
    return hideAll(this.#control.lastLines(service), this.#masks);
  }

  async order(order: Order, services: readonly string[], by: string): Promise<Taken> {
    const taken = await this.#control.order(order, services, by);
    if (!taken.ok) return hideAll(taken, this.#masks);
    const masked = async (outcome: Promise<Outcome>) => maskedOutcome(await outcome, this.#masks);
    return { ok: true, answers: taken.answers.map(({ service, outcome }) => ({ service, outcome: masked(outcome) })) };
  }

  async rollout(action: RolloutAction, group: string, services: readonly string[], by: string): Promise<Outcome> {
    return maskedOutcome(await this.#control.rollout(action, group, services, by), this.#masks);
  }

  async reload(options: { readonly dryRun: boolean; readonly allowEmpty: boolean }, by: string): Promise<ReloadResult> {
    return hideAll(await this.#control.reload(options, by), this.#masks);
  }

  scale(service: string, instances: number | null, by: string): ScaleResult {
    return hideAll(this.#control.scale(service, instances, by), this.#masks);
  }

  // Events are masked where they are made. The rest has no texts but names, or is not shown.

  events(listener: (event: EventView) => void): Disposable {
    return this.#control.events(listener);
  }

  recentEvents(): readonly EventView[] {
    return this.#control.recentEvents();
  }

  graph(): readonly NodeView[] {
    return this.#control.graph();
  }

  logOf(service: string): ServiceLog | null {
    return this.#control.logOf(service);
  }

  live(): { readonly ok: boolean; readonly lagSeconds: number } {
    return this.#control.live();
  }

  ready(): { readonly ok: boolean; readonly waiting: readonly string[] } {
    return this.#control.ready();
  }

  metrics(): MetricsView {
    return this.#control.metrics();
  }

  handover(by: string): void {
    this.#control.handover(by);
  }

  shutdown(by: string): void {
    this.#control.shutdown(by);
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
