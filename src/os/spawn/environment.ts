// Builds the environment of a service: from scratch, so that it does not depend on who started opsd.

import { userInfo } from 'node:os';
import type { Launch } from '../../core/model/spec.ts';
import { DEFAULT_PATH } from '../chain/tools.ts';
import { formatMarker, MARKER } from '../proc/marker.ts';

/** A user: the fields of passwd(5), as far as the host knows them. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** null: the host knows the number only, and so neither a home nor a shell. */
  readonly named: { readonly name: string; readonly home: string; readonly shell: string } | null;
}

interface EnvironmentOf {
  readonly launch: Launch;
  readonly name: string;
  /** The 2 of `web@2`; null: the service is no instance. */
  readonly instance: number | null;
  /** The name in the marker: a hook has one of its own (`web@before_start`). */
  readonly service: string;
  readonly generation: number;
  readonly runDir: string;
  readonly account: Account | null;
  /** The environment of opsd: PATH, LANG and TZ are taken from it. */
  readonly own: NodeJS.ProcessEnv;
}

/** Variables that opsd adds win over those of the configuration, as supervision depends on them. */
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
  // The marker comes first, so that a process scan finds it soon: an object keeps the order of its keys.
  const usual: Record<string, string> = { [MARKER]: marker, PATH: own.PATH || DEFAULT_PATH };
  if (own.LANG !== undefined) usual.LANG = own.LANG;
  if (own.TZ !== undefined) usual.TZ = own.TZ;
  const named = account?.named ?? null;
  if (named !== null) {
    usual.HOME = named.home;
    usual.USER = named.name;
    usual.LOGNAME = named.name;
    usual.SHELL = named.shell;
  }
  // Spread, not assigned one by one: a variable may be called __proto__.
  const environment: Record<string, string> = { ...usual, ...launch.env };
  environment.OPSD_SERVICE = name;
  if (instance !== null) environment.OPSD_INSTANCE = String(instance);
  environment.OPSD_HEARTBEAT_FILE = launch.heartbeatFile;
  environment[MARKER] = marker;
  return environment;
}

/** The account that opsd runs as; null: its user id is not in passwd(5), as in most containers. */
export function ownAccount(): Account | null {
  try {
    const { uid, gid, username, homedir, shell } = userInfo();
    return { uid, gid, named: { name: username, home: homedir, shell: shell ?? '/bin/sh' } };
  } catch {
    return null;
  }
}
