// Why a service that should stay up ends well at once: what is likely by its command, and what to write instead.

import type { EventView } from '../api/events.ts';
import type { Launch } from '../core/model/spec.ts';
import type { WhyFacts } from './facts.ts';
import { daemonNamed } from './foreground.ts';
import { isShellWithoutScript, type Program, programsOf } from './programs.ts';

export interface LikelyCause {
  /** Part of a sentence whose subject is the service. */
  readonly cause: string;
  /** What to write instead. */
  readonly remedy: string;
}

const EMPTY_INPUT = 'reads its input to the end, and the input of a service is empty';
const JOB = 'write type = "oneshot", with a schedule if it is to run again and again';

/** Programs that end at the end of their input unless they have more operands than this. */
const READERS: ReadonlyMap<string, number> = new Map(
  Object.entries({ cat: 0, tac: 0, sort: 0, uniq: 0, wc: 0, head: 0, tail: 0, cut: 0, nl: 0, rev: 0, less: 0, more: 0 })
    .concat(Object.entries({ tee: 9, tr: 9, xargs: 9, read: 9, base64: 0, bc: 0, dc: 0, jq: 1 }))
    .concat(Object.entries({ grep: 1, egrep: 1, sed: 1, awk: 1, gawk: 1, mawk: 1 }))
    .concat(
      Object.entries({ python: 0, python3: 0, node: 0, deno: 0, bun: 0, ruby: 0, irb: 0, perl: 0, php: 0, lua: 0 }),
    )
    .concat(Object.entries({ psql: 9, mysql: 9, mariadb: 9, sqlite3: 1, 'redis-cli': 0, mongosh: 9, gdb: 9, R: 9 }))
    .concat(Object.entries({ nc: 9, ncat: 9, netcat: 9, telnet: 9, ssh: 9, ftp: 9, sftp: 9 })),
);

/** Commands that hand the work to another program and end. */
const HANDOVERS: readonly (readonly [sign: RegExp, remedy: string])[] = [
  [/^(docker|podman|nerdctl) (container )?run (.* )?(-d|--detach)\b/, 'leave out -d, and add --rm'],
  [/^(docker|podman)[ -]compose (.* )?up (.* )?(-d|--detach)\b/, 'leave out -d'],
  [/^(docker|podman|nerdctl) (container )?start\b/, 'add --attach'],
  [
    /^(systemctl|service|rc-service|invoke-rc\.d) /,
    'start the program itself, which the unit or the init script starts',
  ],
  [/^(tmux|screen) /, 'start the program itself: opsd keeps its output'],
  [/^(supervisorctl|pm2|systemd-run|at|batch) /, 'start the program itself'],
];

/** null: nothing is likely. */
export function likelyCauseOf({ service, events }: WhyFacts, failure: EventView | null): LikelyCause | null {
  const { launch, policy } = service.spec;
  const isSuccess = failure?.exit?.code != null && policy.successExitCodes.includes(failure.exit.code);
  if (failure?.reason === 'ended_early') return ofEnd(launch);
  if (failure?.reason === 'leftovers' && isSuccess) return ofDaemon(launch);
  if (failure?.reason === 'exit_code') return ofSecond(launch);
  // With another restart policy it was a success, and what remained in the background was ended.
  const last = events.at(-1);
  if (last?.to !== 'exited' || last.reason !== 'success') return null;
  const hadRest = events.some(({ reason, generation }) => reason === 'leftovers' && generation === last.generation);
  return hadRest ? ofDaemon(launch) : null;
}

function ofDaemon({ command, wrapper }: Launch): LikelyCause {
  const cause = 'goes into the background, where opsd does not leave a process whose main process is gone';
  const programs = programsOf([...wrapper, ...command]);
  for (const { name } of programs) {
    const daemon = daemonNamed(name);
    if (daemon !== null) return { cause, remedy: `keep ${name} in the foreground: ${daemon.remedy}` };
  }
  const isShell = programs.length > 1;
  const how = isShell
    ? 'leave out &, nohup and setsid in the script, and write exec in front of the program that is to stay'
    : 'use its option for staying in the foreground, often --foreground, --no-daemon or -F';
  return { cause, remedy: how };
}

/** A daemon may write its title over its environment, so that an earlier one of it is not found by its marker. */
function ofSecond({ command, wrapper }: Launch): LikelyCause | null {
  for (const { name, args } of programsOf([...wrapper, ...command])) {
    const daemon = daemonNamed(name);
    if (daemon?.goes(args.join(' ')) !== true) continue;
    const cause = 'goes into the background, and an earlier one of it is still there';
    return { cause, remedy: `end it, and keep ${name} in the foreground: ${daemon.remedy}` };
  }
  return null;
}

function ofEnd({ command, wrapper }: Launch): LikelyCause {
  const programs = programsOf([...wrapper, ...command]);
  for (const program of programs) {
    const found = ofProgram(program);
    if (found !== null) return found;
  }
  return { cause: 'is a job: it did its work and ended', remedy: JOB };
}

function ofProgram(program: Program): LikelyCause | null {
  const { name, args } = program;
  const line = [name, ...args].join(' ');
  const daemon = daemonNamed(name);
  if (daemon?.goes(args.join(' ')) === true) {
    return { cause: 'goes into the background', remedy: `keep ${name} in the foreground: ${daemon.remedy}` };
  }
  const handover = HANDOVERS.find(([sign]) => sign.test(line));
  if (handover !== undefined) return { cause: 'hands its work to another program, and ends', remedy: handover[1] };
  return isReader(program) ? { cause: EMPTY_INPUT, remedy: readerRemedy(name) } : null;
}

function isReader(program: Program): boolean {
  const { name, args } = program;
  if (isShellWithoutScript(program)) return true;
  const most = READERS.get(name.replace(/[\d.]+$/, '')) ?? READERS.get(name);
  if (most === undefined) return false;
  // Options may hold a program (`node -e …`, `python -m …`): then there is no telling.
  const hasProgram = args.some((arg) => /^-(\w*[cemrf]|-(eval|print|module|command|execute|file)\b.*)$/.test(arg));
  const operands = args.filter((arg) => !arg.startsWith('-') || arg === '-');
  return !hasProgram && operands.filter((arg) => arg !== '-').length <= most;
}

function readerRemedy(name: string): string {
  return `give ${name} a file or a FIFO to read; if it has ended by its own will, ${JOB}`;
}
