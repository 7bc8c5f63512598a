// The last signal that an operator had opsd send to each service: no change of state tells of it.

import { serviceOf } from '../../core/fleet/ordering.ts';
import type { SignalName } from '../../core/model/spec.ts';
import type { State } from '../../core/model/state.ts';
import type { Signalled } from '../../why/facts.ts';

export class LastSignals {
  readonly #signalled = new Map<string, Signalled>();

  note(state: State, signal: SignalName, services: readonly string[], by: string): void {
    for (const name of this.#signalled.keys()) if (serviceOf(state, name) === undefined) this.#signalled.delete(name);
    for (const service of services) {
      const known = serviceOf(state, service);
      if (known !== undefined) this.#signalled.set(service, { signal, generation: known.generation, by });
    }
  }

  /** null: none was sent. */
  of(service: string): Signalled | null {
    return this.#signalled.get(service) ?? null;
  }
}
