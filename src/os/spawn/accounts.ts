// Looks up users and groups of this host: in /etc/passwd and /etc/group, and if they are missing there, in the
// directory services (getent(1)).

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Millis } from '../../core/model/spec.ts';
import type { Account } from './environment.ts';

/** Milliseconds. A directory service that does not answer must not delay supervision for longer. */
const GETENT_TIMEOUT = 2000;

/** Milliseconds for which an answer of getent(1) is reused, as many services share a user. "Not found" is not kept. */
const FRESH = 60_000;

/** Upper limit of the answers kept. */
const MOST_KEPT = 1000;

interface Answer {
  readonly fields: readonly string[];
  readonly at: number;
}

const answers = new Map<string, Answer>();

/** `now`: in milliseconds since boot, as a directory's answer is kept for a while. The account with this name or number (passwd(5)); null: there is none. */
export function accountOf(user: string, now: Millis): Account | null {
  const [name = '', , uid, gid, , home, shell] = lookUp('passwd', user, now) ?? [];
  if (name === '') return null;
  return { name, uid: Number(uid), gid: Number(gid), home: home || '/', shell: shell || '/bin/sh' };
}

/** The id of the group with this name or number (group(5)); null: there is none. `now` as above. */
export function groupIdOf(group: string, now: Millis): number | null {
  const [name = '', , gid] = lookUp('group', group, now) ?? [];
  return name === '' ? null : Number(gid);
}

/** The ids of the user's supplementary groups (initgroups(3)). */
export function groupsOf(user: string): readonly number[] {
  const mentions = linesOf('group')
    .map((line) => line.split(':'))
    .filter(([, , , members = '']) => members.split(',').includes(user))
    .map(([, , gid]) => Number(gid));
  // A user who is only in the directory has groups only there.
  if (fromFile('passwd', user) !== null) return mentions;
  const [, ...gids] = (getent('initgroups', user) ?? '').split(/\s+/);
  return [...mentions, ...gids.filter((gid) => /^\d+$/.test(gid)).map(Number)];
}

type Database = 'passwd' | 'group';

function lookUp(database: Database, key: string, now: Millis): readonly string[] | null {
  // Anything else is not a name, and getent would take a leading `-` for an option.
  if (key === '' || key.startsWith('-') || /[\s:\0]/.test(key)) return null;
  return fromFile(database, key) ?? fromDirectory(database, key, now);
}

function fromFile(database: Database, key: string): readonly string[] | null {
  const column = /^\d+$/.test(key) ? 2 : 0;
  for (const line of linesOf(database)) {
    const fields = line.split(':');
    if (fields[column] === key) return fields;
  }
  return null;
}

function linesOf(database: Database): readonly string[] {
  try {
    return readFileSync(`/etc/${database}`, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function fromDirectory(database: Database, key: string, now: Millis): readonly string[] | null {
  const identity = `${database} ${key}`;
  const known = answers.get(identity);
  if (known !== undefined && now - known.at < FRESH) return known.fields;
  const fields = getent(database, key)?.split(':') ?? null;
  if (answers.size >= MOST_KEPT) answers.clear();
  if (fields !== null) answers.set(identity, { fields, at: now });
  return fields;
}

/** The first line that getent(1) prints; null: none. */
function getent(database: Database | 'initgroups', key: string): string | null {
  try {
    const text = execFileSync('getent', [database, key], {
      encoding: 'utf8',
      timeout: GETENT_TIMEOUT,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
    });
    const [line = ''] = text.split('\n');
    return line === '' ? null : line;
  } catch {
    // Exit code 2 is "not found". A missing getent, or no answer in time, counts as the same.
    return null;
  }
}
