// What the monkey does to the configuration, and what that means for what is to be.

import type { Api } from './api.ts';
import type { Arena } from './arena.ts';
import type { Chance } from './chance.ts';
import type { Fleet, Member } from './fleet.ts';
import type { Record } from './record.ts';
import type { Systemd } from './systemd.ts';

/** More than this is not missing at a time. */
const MOST_REMOVED = 4;
const RELOAD_MS = 10_000;

const BROKEN = [
  '[services.obedient-1\n',
  '[services.obedient-1]\ncommand = 3\n',
  '[daemon]\nhttp = ""\n[services.x]\ncommand = ["/no/such/program"]\nbackof = 3\n',
  '\0\0\0',
];

export class Settings {
  readonly #fleet: Fleet;
  readonly #arena: Arena;
  readonly #api: Api;
  readonly #systemd: Systemd;
  readonly #record: Record;
  #isBroken = false;
  #repairedAt = Number.NEGATIVE_INFINITY;

  constructor(fleet: Fleet, arena: Arena, api: Api, systemd: Systemd, record: Record) {
    this.#fleet = fleet;
    this.#arena = arena;
    this.#api = api;
    this.#systemd = systemd;
    this.#record = record;
    this.write();
  }

  /** The file on disk is not valid. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** An opsd that was started then may have read a broken file. */
  wasBrokenSince(instant: number): boolean {
    return this.#isBroken || this.#repairedAt >= instant;
  }

  write(): void {
    if (this.#isBroken) this.#repairedAt = performance.now();
    this.#arena.writeConfig(this.#fleet.toml());
    this.#isBroken = false;
  }

  /** Changes something at random and has opsd reload it, or lets the next opsd find it. `mayRemove`: services, too. */
  async change(chance: Chance, mayRemove: boolean): Promise<void> {
    const removed = this.#fleet.members.filter(({ isConfigured }) => !isConfigured);
    const present = this.#fleet.members.filter(({ isConfigured }) => isConfigured);
    const act = chance.weighted<() => string>([
      [
        mayRemove && removed.length < MOST_REMOVED ? 3 : 0,
        () => remove(chance.pick(present.filter(({ kind }) => kind.isObedient))),
      ],
      [removed.length > 0 ? 4 : 0, () => this.#restore(chance.pick(removed))],
      [3, () => retune(chance.pick(present), chance)],
      [4, () => this.#revise(chance.pick(present))],
    ]);
    let what = act();
    if (chance.is(0.3)) what += `, ${this.#revise(chance.pick(present))}`;
    // A handover that is under way is not to be refused.
    const mustBreak = chance.is(0.15) && !this.#systemd.isEnding;
    if (mustBreak) {
      this.#arena.writeConfig(chance.pick(BROKEN) ?? '');
      this.#isBroken = true;
    } else this.write();
    this.#record.note(`configuration: ${mustBreak ? 'broken' : what}`);
    this.#record.count(mustBreak ? 'broken configurations' : 'changes of the configuration');
    if (chance.is(0.2)) return;
    // Before it listens, a SIGHUP would end it.
    if (chance.is(0.3) && this.#systemd.isListening) this.#systemd.signal('SIGHUP');
    else await this.reload();
  }

  /** True: the file is in force now. */
  async reload(): Promise<boolean> {
    const { status, text } = await this.#api.ask('POST', '/api/v1/reload', RELOAD_MS);
    this.#record.note(`reload: ${status === 200 ? 'done' : `${status} ${text.slice(0, 200)}`}`);
    return status === 200;
  }

  /** A removed service loses what an operator wished of it; but did an opsd see it removed? */
  #restore(member: Member | undefined): string {
    if (!member) return 'nothing';
    member.isConfigured = true;
    this.#fleet.revise(member);
    if (member.wish !== 'up') member.wish = 'unknown';
    return `${member.name} back`;
  }

  #revise(member: Member | undefined): string {
    if (!member) return 'nothing';
    this.#fleet.revise(member);
    return `${member.name} revised to ${member.revision}`;
  }
}

function remove(member: Member | undefined): string {
  if (!member) return 'nothing';
  member.isConfigured = false;
  return `${member.name} removed`;
}

/** What can change under a running process. */
function retune(member: Member | undefined, chance: Chance): string {
  if (!member) return 'nothing';
  member.stopTimeoutMs = chance.between(500, 1_500);
  if (chance.is(0.3)) member.timestamps = !member.timestamps;
  return `${member.name} retuned`;
}
