// Probes services: by HTTP, by a TCP connection, or by a command that runs as the service does.

import { connect } from 'node:net';
import { tellUrl } from '../../config/values/endpoint.ts';
import type { Millis, Probe, ServiceSpec } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Probes, Report } from '../../runtime/ports.ts';
import { formatDuration } from '../../text/units.ts';
import { hookName } from '../proc/hook-name.ts';
import type { Child } from '../proc/signals.ts';
import type { Leftovers } from '../processes/leftovers.ts';
import { openInput } from '../spawn/input.ts';
import type { LaunchPlanner } from '../spawn/launch-plan.ts';
import type { Spawner } from '../spawn/spawner.ts';
import { askForStatus } from './http-probe.ts';
import { openProbeOutput } from './probe-output.ts';

interface ServiceProbesOptions {
  readonly report: Report;
  /** The spec in force. */
  readonly specOf: (service: string) => ServiceSpec | undefined;
  /** Plans commands: with the user, cwd, environment and limits of the service, in the cgroup of opsd. */
  readonly planner: Pick<LaunchPlanner, 'plan'>;
  readonly spawner: Spawner;
  /** Folder for files that last no longer than a spawn. */
  readonly runDir: string;
  /** Ends commands and all processes that they leave behind. */
  readonly leftovers: Pick<Leftovers, 'nextNumber' | 'end'>;
  readonly clock: Clock;
}

interface ProbeAnswer {
  readonly isGood: boolean;
  /** One line: the answer, or what failed. */
  readonly detail: string;
}

/** Aborts the probe in progress; its result is ignored. */
type AbortProbe = () => void;

interface ProbeInProgress {
  readonly abort: AbortProbe;
  /** What a command has written so far. */
  readonly output: () => string;
}
type OnAnswer = (answer: ProbeAnswer) => void;

const NOTHING_ASKED: ProbeInProgress = { abort() {}, output: () => '' };

/** Probes at a time; more fail at once, as each takes a descriptor or a process. */
const MOST = 2_000;

export class ServiceProbes implements Probes, Disposable {
  readonly #options: ServiceProbesOptions;
  readonly #inProgress = new Set<AbortProbe>();

  constructor(options: ServiceProbesOptions) {
    this.#options = options;
  }

  ask(service: string, generation: number, probe: Probe, timeout: Millis): void {
    let isOver = false;
    let asked: ProbeInProgress = NOTHING_ASKED;
    const tell: OnAnswer = ({ isGood, detail }) => {
      if (isOver) return;
      isOver = true;
      alarm[Symbol.dispose]();
      this.#inProgress.delete(end);
      const output = isGood ? '' : asked.output();
      asked.abort();
      const words = output === '' ? {} : { output };
      this.#options.report({ type: 'probed', service, generation, isGood, detail, ...words });
    };
    const end: AbortProbe = () => {
      isOver = true;
      alarm[Symbol.dispose]();
      asked.abort();
    };
    const alarm = this.#options.clock.alarm(() =>
      tell({ isGood: false, detail: `${describe(probe)}: no answer within ${formatDuration(timeout)}` }),
    );
    if (this.#inProgress.size >= MOST) {
      tell({ isGood: false, detail: `${MOST} probes are in progress already` });
      return;
    }
    this.#inProgress.add(end);
    alarm.set(timeout);
    asked = this.#begin(service, probe, tell);
    if (isOver) asked.abort();
  }

  #begin(service: string, probe: Probe, tell: OnAnswer): ProbeInProgress {
    switch (probe.kind) {
      case 'http':
        return { ...NOTHING_ASKED, abort: askHttp(probe, tell) };
      case 'tcp':
        return { ...NOTHING_ASKED, abort: askTcp(probe, tell) };
      case 'exec':
        return this.#askCommand(service, probe, tell);
    }
  }

  #askCommand(service: string, probe: Extract<Probe, { kind: 'exec' }>, tell: OnAnswer): ProbeInProgress {
    const no = (message: string): ProbeInProgress => {
      tell({ isGood: false, detail: `${describe(probe)}: ${message}` });
      return NOTHING_ASKED;
    };
    const spec = this.#options.specOf(service);
    if (spec === undefined) return no('its service is not configured any more');
    const { planner, leftovers, spawner, runDir } = this.#options;
    // The command has a marker of its own: if opsd is killed, the next opsd finds the command by it.
    const name = hookName(service, 'probe');
    const number = leftovers.nextNumber();
    const plan = planner.plan(name, number, {
      ...spec,
      launch: { ...spec.launch, command: probe.command, wrapper: [], sockets: [] },
    });
    if ('message' in plan) return no(plan.message);
    let child: Child | null = null;
    const output = openProbeOutput(plan.uid);
    const end = () => {
      if (child !== null) leftovers.end({ name, number, uid: plan.uid, child });
      child = null;
    };
    try {
      const { input, ...execution } = plan.execution();
      using stdin = openInput(input, runDir);
      const streams = { stdin: stdin.fd, stdout: output.fd, stderr: output.fd, descriptors: [] } as const;
      child = spawner.spawn(
        { ...execution, ...streams },
        {
          onError: ({ message }) => void no(message),
          // While the child holds its PID, its process group can be killed at once.
          onDeath: end,
          onExit(code, signal) {
            end();
            tell({ isGood: code === 0, detail: `${describe(probe)}: ${signal ?? `exit code ${code}`}` });
          },
        },
      );
      output.spawned();
      const abort = () => {
        end();
        output[Symbol.dispose]();
      };
      return { abort, output: output.last };
    } catch (error) {
      output[Symbol.dispose]();
      return no(error instanceof Error ? error.message : String(error));
    }
  }

  [Symbol.dispose](): void {
    for (const end of this.#inProgress) end();
    this.#inProgress.clear();
  }
}

function describe(probe: Probe): string {
  switch (probe.kind) {
    case 'http':
      return `GET ${tellUrl(probe.url)}`;
    case 'tcp':
      return `connection to ${probe.host}:${probe.port}`;
    case 'exec':
      return `command ${probe.command[0]}`;
  }
}

function askHttp(probe: Extract<Probe, { kind: 'http' }>, tell: OnAnswer): AbortProbe {
  const told = describe(probe);
  try {
    return askForStatus(new URL(probe.url), (end) => {
      if ('error' in end) return tell({ isGood: false, detail: `${told}: ${end.error}` });
      const { status } = end;
      const isGood = probe.status === null ? status >= 200 && status < 400 : status === probe.status;
      tell({ isGood, detail: `${told}: status ${status}` });
    });
  } catch (error) {
    tell({ isGood: false, detail: `${told}: ${error instanceof Error ? error.message : String(error)}` });
    return () => {};
  }
}

function askTcp(probe: Extract<Probe, { kind: 'tcp' }>, tell: OnAnswer): AbortProbe {
  const socket = connect({ host: probe.host, port: probe.port });
  socket.once('connect', () => tell({ isGood: true, detail: `${describe(probe)}: open` }));
  socket.on('error', (error) => tell({ isGood: false, detail: `${describe(probe)}: ${error.message}` }));
  return () => socket.destroy();
}
