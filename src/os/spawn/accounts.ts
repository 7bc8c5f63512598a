// Users and groups of this host: from its own files, and where these do not know them from its directory services.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { monotonic } from '../../runtime/clock.ts';
import type { Account } from './environment.ts';

/** A directory service that does not answer must not stop supervision for longer. */
const PATIENCE = 2000;

/** An answer of getent(1) is good for this long: many services have the same user. Ignorance is not kept. */
const FRESH = 60_000;

/** More answers are not kept. */
const MOST_KEPT = 1000;

interface Answer {
  readonly fields: readonly string[];
  readonly at: number;
}

const answers = new Map<string, Answer>();

/** The user of this name or number; null: nobody knows one. See passwd(5). */
export function accountOf(user: string): Account | null {
  const [name = '', , uid, gid, , home, shell] = lookUp('passwd', user) ?? [];
  if (name === '') return null;
  return { name, uid: Number(uid), gid: Number(gid), home: home || '/', shell: shell || '/bin/sh' };
}

/** The number of the group of this name or number; null: nobody knows one. See group(5). */
export function groupIdOf(group: string): number | null {
  const [name = '', , gid] = lookUp('group', group) ?? [];
  return name === '' ? null : Number(gid);
}

/** The numbers of the groups that this user is in beside its own. See initgroups(3). */
export function groupsOf(user: string): readonly number[] {
  const mentions = linesOf('group')
    .map((line) => line.split(':'))
    .filter(([, , , members = '']) => members.split(',').includes(user))
    .map(([, , gid]) => Number(gid));
  // Whom the host's own files do not know has groups in the directory that knows him.
  if (fromFile('passwd', user) !== null) return mentions;
  const [, ...gids] = (getent('initgroups', user) ?? '').split(/\s+/);
  return [...mentions, ...gids.filter((gid) => /^\d+$/.test(gid)).map(Number)];
}

type Database = 'passwd' | 'group';

function lookUp(database: Database, key: string): readonly string[] | null {
  // Nothing else is a name, and the second would be an option of getent.
  if (key === '' || key.startsWith('-') || /[\s:\0]/.test(key)) return null;
  return fromFile(database, key) ?? fromDirectory(database, key);
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

function fromDirectory(database: Database, key: string): readonly string[] | null {
  const identity = `${database} ${key}`;
  const now = monotonic();
  const known = answers.get(identity);
  if (known !== undefined && now - known.at < FRESH) return known.fields;
  const fields = getent(database, key)?.split(':') ?? null;
  if (answers.size >= MOST_KEPT) answers.clear();
  if (fields !== null) answers.set(identity, { fields, at: now });
  return fields;
}

/** The first line of the answer. */
function getent(database: Database | 'initgroups', key: string): string | null {
  try {
    const text = execFileSync('getent', [database, key], {
      encoding: 'utf8',
      timeout: PATIENCE,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: '/usr/bin:/bin' },
    });
    const [line = ''] = text.split('\n');
    return line === '' ? null : line;
  } catch {
    // Exit code 2 is "not found"; no getent at all, or no answer in time, is no knowledge either.
    return null;
  }
}
