// The environment of a service: clean, so that it is the same whoever started opsd.

import { userInfo } from 'node:os';
import type { Launch } from '../../core/model/spec.ts';
import { DEFAULT_PATH } from '../chain/tools.ts';
import { formatMarker, MARKER } from '../proc/marker.ts';

/** A user of this host, as passwd(5) has it. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

interface EnvironmentOf {
  readonly launch: Launch;
  readonly name: string;
  /** The 2 of `web@2`; null: it is no instance. */
  readonly instance: number | null;
  /** Where it belongs: that of a hook has a name of its own (`web@before_start`). */
  readonly service: string;
  readonly generation: number;
  readonly runDir: string;
  readonly account: Account | null;
  /** opsd's own: PATH, LANG and TZ are taken from it. */
  readonly own: NodeJS.ProcessEnv;
}

/** What opsd adds wins over what the configuration says, as supervision depends on it. */
export function serviceEnvironment({
  launch,
  name,
  instance,
  service,
  generation,
  runDir,
  account,
  own,
}: EnvironmentOf) {
  const marker = formatMarker({ service, generation, runDir });
  // The marker is the first, where it is soon found; an object keeps the order in which its keys came.
  const usual: Record<string, string> = { [MARKER]: marker, PATH: own.PATH || DEFAULT_PATH };
  if (own.LANG !== undefined) usual.LANG = own.LANG;
  if (own.TZ !== undefined) usual.TZ = own.TZ;
  if (account) {
    usual.HOME = account.home;
    usual.USER = account.name;
    usual.LOGNAME = account.name;
    usual.SHELL = account.shell;
  }
  // Not assigned: a variable may be called __proto__.
  const environment: Record<string, string> = { ...usual, ...launch.env };
  environment.OPSD_SERVICE = name;
  if (instance !== null) environment.OPSD_INSTANCE = String(instance);
  environment.OPSD_HEARTBEAT_FILE = launch.heartbeatFile;
  environment[MARKER] = marker;
  return environment;
}

/** Whom opsd itself runs as; null: passwd(5) does not know the number (a container's, mostly). */
export function ownAccount(): Account | null {
  try {
    const { uid, gid, username, homedir, shell } = userInfo();
    return { uid, gid, name: username, home: homedir, shell: shell ?? '/bin/sh' };
  } catch {
    return null;
  }
}
