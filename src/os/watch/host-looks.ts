// Looks in the background at what a start depends on: paths by stat(2), accounts by getent(1).

import { execFile } from 'node:child_process';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { BackgroundStat } from './background-stat.ts';

/** Whose looks hang, where one hangs: those of opsd, not of a service's user. */
const NOBODY = -1;
/** A directory service is asked for one account no more often. */
const ASK_PERIOD: Millis = 5_000;
const ASK_TIMEOUT: Millis = 2_000;
const MOST_ASKED_AT_ONCE = 4;
/** Upper limit of the accounts remembered: a forgotten one is asked for again. */
const MOST_KEPT = 1_000;

type OnStamp = (stamp: string) => void;

export class HostLooks {
  readonly #stat: Pick<BackgroundStat, 'ask'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #askedAt = new Map<string, Millis>();
  #asking = 0;

  constructor(stat: Pick<BackgroundStat, 'ask'>, clock: Pick<Clock, 'now'>) {
    this.#stat = stat;
    this.#clock = clock;
  }

  /** `seen` gets a stamp that differs after every change; not called while the disk does not answer. */
  look(path: string, seen: OnStamp): void {
    this.#stat.ask(path, NOBODY, (found, isMissing) => {
      if (found === null) return seen(isMissing ? 'missing' : 'closed');
      // The times of a folder change with each file in it: only what decides who may pass it counts.
      const { dev, ino, mode, uid, gid, size, mtimeNs, ctimeNs } = found;
      const contents = found.isDirectory() ? '' : `${size} ${mtimeNs} ${ctimeNs}`;
      seen(`${dev} ${ino} ${mode} ${uid} ${gid} ${contents}`);
    });
  }

  /** `account`: `passwd web` or `group www`. */
  ask(account: string, seen: OnStamp): void {
    const now = this.#clock.now();
    const last = this.#askedAt.get(account);
    if (this.#asking >= MOST_ASKED_AT_ONCE || (last !== undefined && now - last < ASK_PERIOD)) return;
    if (this.#askedAt.size >= MOST_KEPT) this.#askedAt.clear();
    this.#askedAt.set(account, now);
    this.#asking += 1;
    const options = { timeout: ASK_TIMEOUT, killSignal: 'SIGKILL', env: { PATH: '/usr/bin:/bin' } } as const;
    execFile('getent', account.split(' '), options, (_error, stdout) => {
      this.#asking -= 1;
      seen(stdout.trim());
    });
  }
}
