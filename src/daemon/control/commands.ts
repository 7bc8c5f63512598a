// What an operator may tell opsd to do: the loop carries it out.

import type { Commands, Order, Taken } from '../../api/control.ts';
import type { HandoverResult, ReloadResult, ScaleResult } from '../../api/reload.ts';
import type { RolloutAction } from '../../api/rollouts.ts';
import type { Outcome } from '../../core/model/effects.ts';
import type { Event } from '../../core/model/events.ts';
import { stopOwnUnit, unitOfOpsd } from '../../os/systemd/own-unit.ts';
import type { Loop } from '../../runtime/loop.ts';
import type { Configuration } from '../configuration/configuration.ts';
import type { Answers } from '../report/answers.ts';
import type { Handover } from './handover.ts';
import type { LastSignals } from './last-signals.ts';

interface CommandParts {
  readonly loop: Loop;
  readonly answers: Answers;
  readonly configuration: Configuration;
  readonly handover: Handover;
  readonly signals: LastSignals;
  /** An order is about to change what an operator wants of a service. */
  wished(): void;
}

export class DaemonCommands implements Commands {
  readonly #parts: CommandParts;

  constructor(parts: CommandParts) {
    this.#parts = parts;
  }

  order(order: Order, services: readonly string[], by: string): Promise<Taken> {
    const { answers, loop } = this.#parts;
    if (order.action === 'signal') this.#parts.signals.note(loop.state, order.signal, services, by);
    else this.#parts.wished();
    return answers.askAll((id) => loop.post({ type: 'order', id, ...order, services, by }));
  }

  rollout(action: RolloutAction, group: string, services: readonly string[], by: string): Promise<Outcome> {
    return this.#ask((id) => {
      const whom = { type: 'rollout', id, group, by } as const;
      return action === 'restart' ? { ...whom, action, services } : { ...whom, action };
    });
  }

  async reload(options: { readonly dryRun: boolean; readonly allowEmpty: boolean }, by: string): Promise<ReloadResult> {
    const { configuration, handover } = this.#parts;
    const result = configuration.reload(options, by);
    if (!result.ok || !result.daemon.some(({ key }) => key === 'http')) return result;
    // It comes into force with the next opsd, which could not start.
    const problems = options.dryRun ? [] : await handover.problemsOfListener(configuration.current);
    return { ...result, hostProblems: [...result.hostProblems, ...problems] };
  }

  scale(service: string, instances: number | null, by: string): ScaleResult {
    const { loop, configuration } = this.#parts;
    if (loop.state.phase.name !== 'running') {
      return { ok: false, code: 'shutting_down', message: 'opsd is shutting down' };
    }
    const rollout = loop.state.rollouts.get(service);
    const isRejected =
      rollout?.kind === 'configuration' && (rollout.phase === 'stopped' || rollout.direction === 'back');
    const { instances: now = 0, configured = 0 } = configuration.current.groups.get(service) ?? {};
    if (isRejected && (instances ?? configured) > now) {
      const why = `the rollout of ${service} failed, and further instances would get the new configuration`;
      const remedy = `opsd ctl rollout status ${service}; correct the configuration, opsd ctl reload, then scale`;
      return { ok: false, code: 'not_as_configured', message: `${why}; see: ${remedy}` };
    }
    return configuration.scale(service, instances, by);
  }

  async prepareHandover(by: string): Promise<HandoverResult> {
    return (await this.#parts.handover.whyNot(by)) ?? { ok: true, unit: await unitOfOpsd() };
  }

  handover(by: string): void {
    this.#parts.loop.post({ type: 'handover', by });
  }

  /** Under systemd it is the unit that ends: else systemd would start it, and all services, again. */
  shutdown(by: string): void {
    void stopOwnUnit().then((isUnit) => {
      if (!isUnit) this.#parts.loop.post({ type: 'shutdown', by });
    });
  }

  #ask(event: (id: number) => Event): Promise<Outcome> {
    const { answers, loop } = this.#parts;
    return answers.ask((id) => loop.post(event(id)));
  }
}
