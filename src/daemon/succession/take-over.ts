// Takes over from an earlier opsd: adopts the generations that go on, and ends strays.

import type { Survivor } from '../../core/adoption/adopt.ts';
import type { ServiceSpec } from '../../core/model/spec.ts';
import type { ServiceOutputs } from '../../os/output/service-outputs.ts';
import type { Log } from '../../os/own-log/logger.ts';
import { serviceOfHook, stepOfName } from '../../os/proc/hook-name.ts';
import type { ServiceProcesses } from '../../os/processes/processes.ts';
import type { PredecessorFindings } from './predecessor.ts';

interface TakeOverParts {
  readonly processes: ServiceProcesses;
  readonly outputs: Pick<ServiceOutputs, 'isCutOff'>;
  readonly log: Log;
  specOf(service: string): ServiceSpec | undefined;
}

/** `strays`: second generations of services that live. */
export function takeOver(
  { found, hooksLeft }: PredecessorFindings,
  strays: readonly Survivor[],
  { processes, outputs, log, specOf }: TakeOverParts,
): void {
  for (const one of found) {
    const { service, generation } = one;
    const isStray = strays.some(
      (one) => one.service === service && one.generation === generation && (one.step ?? 'main') === 'main',
    );
    if (isStray) {
      log.warn('processes of two generations of a service are running; one generation is stopped', {
        service,
        generation,
      });
      void processes.endStray(one);
      continue;
    }
    const spec = specOf(service);
    if (spec === undefined) continue;
    processes.adopt(one, spec);
    if (one.main === null || !outputs.isCutOff(service, one.main.identity.pid)) continue;
    log.warn(
      'the output of a service goes to a FIFO that was removed: nobody reads it, and the service blocks when it is full: restart the service',
      {
        service,
        remedy: `opsd ctl restart ${service}`,
      },
    );
  }
  for (const one of hooksLeft) {
    const service = serviceOfHook(one.service) ?? one.service;
    log.warn('a hook or probe that an earlier opsd began is ended', { service, hook: one.service });
    const whose = stepOfName(one.service);
    const spec = specOf(service);
    const isStray = strays.some(
      (stray) => stray.service === service && stray.step === whose?.step && stray.generation === one.generation,
    );
    // The core ends a step of a run, and starts nothing beside it meanwhile.
    if (whose === null || spec === undefined || isStray) void processes.endStray(one);
    else processes.adopt(one, spec);
  }
}
