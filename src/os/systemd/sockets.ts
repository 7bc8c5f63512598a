// Listening sockets that systemd gave to opsd, kept for the services that ask for them: sd_listen_fds(3).

import { fstatSync } from 'node:fs';

/** The first is always this one. */
const FIRST = 3;
/** More than that nobody gives; a number that is none ends there, too. */
const MOST = 1024;
/** One service may have that many: they take its descriptors from 3 on. */
export const MOST_OF_ONE = 32;
/** What sd_listen_fds_with_names(3) calls one that was given none. */
const NAMELESS = 'unknown';

const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'];

export interface Sockets {
  /** Descriptors by name, several where one name was given to several. */
  readonly byName: ReadonlyMap<string, readonly number[]>;
  /** One line each; empty: all is well. */
  readonly troubles: readonly string[];
}

export const NO_SOCKETS: Sockets = { byName: new Map(), troubles: [] };

/** Without them no child takes itself for the one that is meant. */
export function takeSockets(environment: NodeJS.ProcessEnv): Sockets {
  const sockets = socketsOf(environment);
  for (const variable of VARIABLES) delete environment[variable];
  return sockets;
}

/** What is meant for this process; nothing is changed. */
export function socketsOf(environment: Readonly<Record<string, string | undefined>>): Sockets {
  if (!isForUs(environment)) return NO_SOCKETS;
  const count = Math.min(Number(environment.LISTEN_FDS) || 0, MOST);
  const names = (environment.LISTEN_FDNAMES ?? '').split(':');
  const byName = new Map<string, number[]>();
  const troubles: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const descriptor = FIRST + index;
    const name = names[index] || NAMELESS;
    if (isSocket(descriptor)) {
      const known = byName.get(name);
      if (known === undefined) byName.set(name, [descriptor]);
      else known.push(descriptor);
    } else
      troubles.push(
        `descriptor ${descriptor} (${name}), which opsd was given as a socket, is none: it is not passed on`,
      );
  }
  return { byName, troubles };
}

export function isForUs(environment: Readonly<Record<string, string | undefined>>): boolean {
  return environment.LISTEN_PID === String(process.pid);
}

type Passed =
  | {
      readonly ok: true;
      readonly descriptors: readonly number[];
      readonly environment: Readonly<Record<string, string>>;
    }
  /** `why`: what is missing, and what to do. */
  | { readonly ok: false; readonly why: string };

/** What a service that asks for these names is given; LISTEN_PID only its process itself can say. */
export function passSockets(service: string, asked: readonly string[], { byName }: Sockets): Passed {
  if (asked.length === 0) return { ok: true, descriptors: [], environment: {} };
  const missing = asked.filter((name) => !byName.has(name));
  if (missing.length > 0) return { ok: false, why: whyMissing(service, missing, [...byName.keys()]) };
  const given = asked.flatMap((name) => (byName.get(name) ?? []).map((descriptor) => ({ name, descriptor })));
  if (given.length > MOST_OF_ONE) {
    return {
      ok: false,
      why: `services.${service}.sockets are ${given.length} descriptors, and a service can be given ${MOST_OF_ONE}: give them several names (FileDescriptorName=), and ask for fewer`,
    };
  }
  return {
    ok: true,
    descriptors: given.map(({ descriptor }) => descriptor),
    environment: { LISTEN_FDS: String(given.length), LISTEN_FDNAMES: given.map(({ name }) => name).join(':') },
  };
}

function whyMissing(service: string, missing: readonly string[], known: readonly string[]): string {
  const what = `opsd was given no socket named ${missing.map((name) => `"${name}"`).join(', ')}`;
  const has = known.length === 0 ? 'it was given none at all' : `it has ${known.map((name) => `"${name}"`).join(', ')}`;
  const remedy = `name it in a .socket unit (FileDescriptorName=), and start that before opsd, or correct services.${service}.sockets`;
  return `${what}; ${has}: ${remedy}`;
}

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket();
  } catch {
    return false;
  }
}
