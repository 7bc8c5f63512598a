// Stands between the daemon and HTTP, and masks secrets in the answers to commands.

import type { Commands, Order, Taken } from '../../api/control.ts';
import type { HandoverResult, ReloadResult, ScaleResult } from '../../api/reload.ts';
import type { RolloutAction } from '../../api/rollouts.ts';
import type { Outcome } from '../../core/model/effects.ts';
import { hideAll, type Masks } from '../../text/masks.ts';
import { maskedOutcome } from '../report/masked.ts';

export class MaskedCommands implements Commands {
  readonly #commands: Commands;
  readonly #masks: Masks;

  constructor(commands: Commands, masks: Masks) {
    this.#commands = commands;
    this.#masks = masks;
  }

  async order(order: Order, services: readonly string[], by: string): Promise<Taken> {
    const taken = await this.#commands.order(order, services, by);
    if (!taken.ok) return hideAll(taken, this.#masks);
    const masked = async (outcome: Promise<Outcome>) => maskedOutcome(await outcome, this.#masks);
    return { ok: true, answers: taken.answers.map(({ service, outcome }) => ({ service, outcome: masked(outcome) })) };
  }

  async rollout(action: RolloutAction, group: string, services: readonly string[], by: string): Promise<Outcome> {
    return maskedOutcome(await this.#commands.rollout(action, group, services, by), this.#masks);
  }

  async reload(options: { readonly dryRun: boolean; readonly allowEmpty: boolean }, by: string): Promise<ReloadResult> {
    return hideAll(await this.#commands.reload(options, by), this.#masks);
  }

  scale(service: string, instances: number | null, by: string): ScaleResult {
    return hideAll(this.#commands.scale(service, instances, by), this.#masks);
  }

  async prepareHandover(by: string): Promise<HandoverResult> {
    return hideAll(await this.#commands.prepareHandover(by), this.#masks);
  }

  handover(by: string): void {
    this.#commands.handover(by);
  }

  shutdown(by: string): void {
    this.#commands.shutdown(by);
  }
}
