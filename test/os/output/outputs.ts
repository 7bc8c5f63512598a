// Outputs in a folder of their own, and services that write into them.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogMode, ServiceSpec } from '../../../src/core/model/spec.ts';
import { ServiceOutputs, type ServiceOutputsOptions } from '../../../src/os/output/service-outputs.ts';
import type { Fields, Log } from '../../../src/os/own-log/logger.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { scratch } from '../../support/scratch.ts';
import { serviceSpec } from '../rig.ts';

/** A service with nothing special about it but its output. */
export function specOf(name: string, log: LogMode = 'capture', timestamps = false): ServiceSpec {
  const spec = serviceSpec(['true'], { log });
  return { ...spec, name, policy: { ...spec.policy, timestamps } };
}

/** A log that keeps its lines: `LEVEL message key=value`. */
export function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const record =
    (level: string) =>
    (message: string, fields: Fields = {}): void => {
      lines.push(
        `${level} ${message}${Object.entries(fields)
          .map(([key, value]) => ` ${key}=${value}`)
          .join('')}`,
      );
    };
  return {
    lines,
    debug: record('DEBUG'),
    info: record('INFO'),
    warn: record('WARN'),
    error: record('ERROR'),
    critical: record('CRITICAL'),
    component() {
      return this;
    },
  };
}

/** Outputs as a daemon has them, in the folders `run` and `log` of this one. */
export function outputsIn(folder: string, options: Partial<ServiceOutputsOptions> = {}): ServiceOutputs {
  return new ServiceOutputs({
    clock: systemClock,
    runDir: join(folder, 'run'),
    logDir: join(folder, 'log'),
    uidOf: () => process.geteuid?.() ?? 0,
    onBytes: () => {},
    onDropped: () => {},
    log: recordingLog(),
    ...options,
  });
}

export interface Bench extends AsyncDisposable {
  readonly path: string;
  readonly outputs: ServiceOutputs;
  readonly log: ReturnType<typeof recordingLog>;
  readonly counted: { written: number; dropped: number };
  logOf(service: string): string;
  /** What the log holds now; empty where there is none. */
  read(service: string): string;
  /** Runs a shell script as a process of the service. */
  run(spec: ServiceSpec, script: string): ChildProcess;
  /** The same, to its end. */
  finish(spec: ServiceSpec, script: string): Promise<number | null>;
}

export async function bench(options: Partial<ServiceOutputsOptions> = {}): Promise<Bench> {
  const folder = await scratch();
  mkdirSync(join(folder.path, 'run'));
  mkdirSync(join(folder.path, 'log'));
  const log = recordingLog();
  const counted = { written: 0, dropped: 0 };
  const children = new Set<ChildProcess>();
  const outputs = outputsIn(folder.path, {
    onBytes: (_service, bytes) => {
      counted.written += bytes;
    },
    onDropped: (_service, bytes) => {
      counted.dropped += bytes;
    },
    log,
    ...options,
  });
  const logOf = (service: string): string => join(folder.path, 'log', `${service}.log`);
  const run = (spec: ServiceSpec, script: string): ChildProcess => {
    const { stdout, stderr, close } = outputs.open(spec);
    const child = spawn('sh', ['-c', script], { stdio: ['ignore', stdout, stderr], detached: true });
    close();
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  };
  return {
    path: folder.path,
    outputs,
    log,
    counted,
    logOf,
    read(service) {
      try {
        return readFileSync(logOf(service), 'latin1');
      } catch {
        return '';
      }
    },
    run,
    async finish(spec, script) {
      const child = run(spec, script);
      const [code] = await once(child, 'exit');
      return code;
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await outputs[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
