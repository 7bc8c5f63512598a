// Listening sockets that opsd got from systemd (sd_listen_fds(3)), kept for the services that ask for them.

import { fstatSync } from 'node:fs';

/** The number of the first socket is always 3 (SD_LISTEN_FDS_START). */
const FIRST = 3;
/** Upper limit of the sockets taken, whatever LISTEN_FDS says. */
const MOST = 1024;
/** Sockets that one service may have: they become its descriptors from 3 on. */
export const MOST_OF_ONE = 32;
/** The name of a socket without one (sd_listen_fds_with_names(3)). */
const NAMELESS = 'unknown';

const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'];

export interface Sockets {
  /** Descriptors by name; several sockets may share a name. */
  readonly byName: ReadonlyMap<string, readonly number[]>;
  /** Problems, one line each. */
  readonly troubles: readonly string[];
}

export const NO_SOCKETS: Sockets = { byName: new Map(), troubles: [] };

/** Takes the sockets and removes the variables, so that no child takes the sockets for its own. */
export function takeSockets(environment: NodeJS.ProcessEnv): Sockets {
  const sockets = socketsOf(environment);
  for (const variable of VARIABLES) delete environment[variable];
  return sockets;
}

/** The sockets for this process; `environment` is not changed. */
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
  /** `why`: which sockets are missing, and what to do. */
  | { readonly ok: false; readonly why: string };

/**
 * Descriptors and variables for a service with these sockets. LISTEN_PID is missing: only the process itself knows its
 * PID.
 */
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
