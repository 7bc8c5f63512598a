// Looks up users and groups of this host: in /etc/passwd and /etc/group, and if they are missing there, in the
// directory services (getent(1)).

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Account } from './environment.ts';

/** Milliseconds. A directory service that does not answer must not delay supervision for longer. */
const GETENT_TIMEOUT = 2000;

/** Milliseconds for which an answer of getent(1) is reused, as many services share a user. "Not found" is not kept. */
const FRESH = 60_000;

/** Upper limit of the answers kept. */
const MOST_KEPT = 1000;

interface CachedAccount {
  readonly fields: readonly string[];
  readonly at: number;
}

const answers = new Map<string, CachedAccount>();

const NUMBER = /^\d+$/;

/** How long a directory service that gave no answer is not asked again, as each question blocks opsd. */
const SILENCE: Millis = 15_000;
let silentUntil: Millis = Number.NEGATIVE_INFINITY;

/**
 * `now`: in milliseconds since boot, as a directory's answer is kept for a while. The account with this name or number
 * (passwd(5)); null: there is none. A number that nobody has is taken as it is, with the same number for the group,
 * which is nobody's either.
 */
export function accountOf(user: string, now: Millis): Account | null {
  const [name = '', , uid, gid, , home, shell] = lookUp('passwd', user, now) ?? [];
  if (name !== '') {
    return { uid: Number(uid), gid: Number(gid), named: { name, home: home || '/', shell: shell || '/bin/sh' } };
  }
  // A directory that does not answer may know the number, its group and its home.
  if (!NUMBER.test(user) || isDirectorySilent(now)) return null;
  return { uid: Number(user), gid: Number(user), named: null };
}

/** The id of the group with this name (group(5)), or with this number, known or not; null: there is none. `now` as above. */
export function groupIdOf(group: string, now: Millis): number | null {
  if (NUMBER.test(group)) return Number(group);
  const [name = '', , gid] = lookUp('group', group, now) ?? [];
  return name === '' ? null : Number(gid);
}

/** Whether the directory services gave no answer a moment ago: nobody knows then whether an account exists. */
export function isDirectorySilent(now: Millis): boolean {
  return now < silentUntil;
}

/** The ids of the user's supplementary groups (initgroups(3)). */
export function groupsOf(user: string): readonly number[] {
  const mentions = linesOf('group')
    .map((line) => line.split(':'))
    .filter(([, , , members = '']) => members.split(',').includes(user))
    .map(([, , gid]) => Number(gid));
  // A user who is only in the directory has groups only there.
  if (fromFile('passwd', user) !== null) return mentions;
  const [, ...gids] = (getent('initgroups', user).line ?? '').split(/\s+/);
  return [...mentions, ...gids.filter((gid) => /^\d+$/.test(gid)).map(Number)];
}

type Database = 'passwd' | 'group';

function lookUp(database: Database, key: string, now: Millis): readonly string[] | null {
  // Anything else is not a name, and getent would take a leading `-` for an option.
  if (key === '' || key.startsWith('-') || /[\s:\0]/.test(key)) return null;
  return fromFile(database, key) ?? fromDirectory(database, key, now);
}

function fromFile(database: Database, key: string): readonly string[] | null {
  const column = NUMBER.test(key) ? 2 : 0;
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
  if (isDirectorySilent(now)) return null;
  const { line, isSilent } = getent(database, key);
  if (isSilent) silentUntil = now + SILENCE;
  const fields = line?.split(':') ?? null;
  if (answers.size >= MOST_KEPT) answers.clear();
  if (fields !== null) answers.set(identity, { fields, at: now });
  return fields;
}

/** The first line that getent(1) prints; null: none. `isSilent`: it did not answer in time. */
function getent(
  database: Database | 'initgroups',
  key: string,
): { readonly line: string | null; readonly isSilent: boolean } {
  try {
    const text = execFileSync('getent', [database, key], {
      encoding: 'utf8',
      timeout: GETENT_TIMEOUT,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
    });
    const [line = ''] = text.split('\n');
    return { line: line === '' ? null : line, isSilent: false };
  } catch (error) {
    // Exit code 2 is "not found". A missing getent counts as the same.
    return { line: null, isSilent: codeOf(error) === 'ETIMEDOUT' };
  }
}
