// Does at random what may happen to a supervisor in its worst nights.

import { renameSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Api } from './api.ts';
import type { Arena } from './arena.ts';
import type { Chance } from './chance.ts';
import type { Fleet, Member } from './fleet.ts';
import { keyOf, lives } from './processes.ts';
import { type Record, Violation } from './record.ts';
import type { Settings } from './settings.ts';
import type { Systemd } from './systemd.ts';
import type { Watch } from './watch.ts';

const LONGEST_PAUSE_MS = 300;
const ORDER_MS = 15_000;
const RIVAL_MS = 15_000;
/** For how long opsd is not ended while its disk is full and after: it has to tell what it dropped. */
const UNDISTURBED_MS = 12_000;

export interface World {
  readonly arena: Arena;
  readonly fleet: Fleet;
  readonly systemd: Systemd;
  readonly watch: Watch;
  readonly settings: Settings;
  readonly api: Api;
  readonly record: Record;
  readonly chance: Chance;
}

export class Monkey {
  readonly #world: World;
  readonly #tasks = new Set<Promise<void>>();
  #rotations = 0;
  #isDiskFull = false;
  /** By performance.now(). */
  #freeDiskAt = Number.POSITIVE_INFINITY;
  #continueAt = Number.POSITIVE_INFINITY;
  #mayEndDaemonAt = 0;
  #life: { of: number; since: number | null; span: number } = { of: 0, since: null, span: 0 };

  constructor(world: World) {
    this.#world = world;
  }

  /** Rages for that long, then puts right what it has put wrong on the machine, and awaits what it asked for. */
  async rage(untilMs: number): Promise<void> {
    const { chance, record } = this.#world;
    while (performance.now() < untilMs) {
      record.check();
      this.#undo(performance.now());
      await this.#act();
      await pause(chance.between(0, LONGEST_PAUSE_MS));
    }
    this.#undo(Number.POSITIVE_INFINITY);
    await Promise.all(this.#tasks);
  }

  #undo(now: number): void {
    const { arena, systemd, watch, record } = this.#world;
    if (this.#continueAt < now || (this.#continueAt !== Number.POSITIVE_INFINITY && systemd.pid === null)) {
      this.#continueAt = Number.POSITIVE_INFINITY;
      systemd.signal('SIGCONT');
    }
    if (this.#isDiskFull && this.#freeDiskAt <= now) {
      arena.free();
      watch.diskFreed();
      this.#isDiskFull = false;
      record.note('the disk has room again');
    }
  }

  async #act(): Promise<void> {
    const { chance, settings, watch } = this.#world;
    const mayEnd = this.#mayEnd();
    const act = chance.weighted<() => void | Promise<void>>([
      [mayEnd ? 40 : 0, () => this.#end('SIGKILL')],
      // Beside a broken file opsd refuses it, and goes on.
      [mayEnd && !settings.isBroken ? 8 : 0, () => this.#end('SIGUSR2')],
      [mayEnd ? 5 : 0, () => this.#end('SIGTERM')],
      [3, () => this.#stopDaemon()],
      [12, () => this.#killService()],
      // opsd forgets what it dropped of a service that it forgets.
      [6, () => this.#await(settings.change(chance, !watch.isDiskTrouble))],
      [8, () => this.#order()],
      [2, () => this.#rotate()],
      [1, () => this.#rival()],
      [this.#mayFillDisk() ? 0.8 : 0, () => this.#fillDisk()],
    ]);
    await act();
    if (settings.isBroken && chance.is(0.3)) settings.write();
  }

  /** Some are ended while they start, others while they work. */
  #mayEnd(): boolean {
    const { chance, systemd, watch } = this.#world;
    const now = performance.now();
    if (this.#life.of !== systemd.startedAt) {
      const isShort = chance.is(0.55);
      this.#life = {
        of: systemd.startedAt,
        since: isShort ? now : null,
        span: chance.between(0, isShort ? 1_200 : 2_000),
      };
    }
    if (this.#life.since === null && watch.isAtWork(systemd.pid)) this.#life.since = now;
    return this.#life.since !== null && now >= Math.max(this.#mayEndDaemonAt, this.#life.since + this.#life.span);
  }

  #end(signal: 'SIGKILL' | 'SIGTERM' | 'SIGUSR2'): void {
    this.#world.systemd.signal(signal);
  }

  #stopDaemon(): void {
    const { systemd, chance } = this.#world;
    if (this.#continueAt !== Number.POSITIVE_INFINITY || systemd.pid === null) return;
    systemd.signal('SIGSTOP');
    this.#continueAt = performance.now() + chance.between(20, chance.is(0.2) ? 6_000 : 1_200);
  }

  /** A service's process, the main one or another, is killed by somebody else. */
  #killService(): void {
    const { watch, chance, record } = this.#world;
    const victim = chance.pick(watch.alive);
    const signal = chance.pick(['SIGKILL', 'SIGKILL', 'SIGTERM', 'SIGSEGV'] as const);
    if (!victim || !signal || !lives(keyOf(victim))) return;
    record.note(`${signal} to pid ${victim.pid} of ${victim.service}, generation ${victim.generation}`);
    record.count('processes of services killed');
    process.kill(victim.pid, signal);
  }

  #order(): void {
    const { fleet, chance, systemd, watch } = this.#world;
    const member = chance.pick(fleet.members.filter(({ isConfigured, isBusy }) => isConfigured && !isBusy));
    const action = chance.pick(['start', 'start', 'stop', 'restart', 'restart'] as const);
    // Some find nobody there; most are to be obeyed.
    if (!member || !action || (!watch.isAtWork(systemd.pid) && chance.is(0.8))) return;
    this.#await(this.order(member, action));
  }

  /** Before the pause; the monkey goes on meanwhile. */
  #await(task: Promise<void>): void {
    const { record } = this.#world;
    const kept = task.catch((error) => record.fail(error)).finally(() => this.#tasks.delete(kept));
    this.#tasks.add(kept);
  }

  /** Until the order is answered nobody knows whether it was heard. */
  async order(member: Member, action: 'start' | 'stop' | 'restart'): Promise<void> {
    const { api, record } = this.#world;
    member.isBusy = true;
    member.orderedAt = performance.now();
    member.wish = 'unknown';
    record.count('orders of operators');
    const { status, text } = await api.ask('POST', `/api/v1/services/${member.name}/${action}`, ORDER_MS);
    record.note(`${action} ${member.name}: ${status} ${text.trim().slice(0, 160)}`);
    if (status === 200) member.wish = action === 'stop' ? 'down' : 'up';
    member.isBusy = false;
  }

  /** As logrotate does; sometimes without telling. */
  #rotate(): void {
    const { watch, chance, record, systemd } = this.#world;
    const files = [...watch.transcripts.values()].map(({ log }) => log).filter(({ isCurrent }) => isCurrent);
    for (const file of files.filter(() => chance.is(0.3))) {
      this.#rotations += 1;
      const name = `${file.path}.${this.#rotations}`;
      renameSync(file.path, name);
      file.renamed(name);
    }
    record.note('logs rotated');
    record.count('rotations of logs');
    if (chance.is(0.7) && systemd.isListening) systemd.signal('SIGUSR1');
  }

  /** A second opsd beside one that works: it must give way, and touch nothing. */
  async #rival(): Promise<void> {
    const { systemd, record, watch, settings } = this.#world;
    const isSettled = watch.isAtWork(systemd.pid) && !systemd.isEnding && this.#continueAt === Number.POSITIVE_INFINITY;
    if (!isSettled || settings.isBroken || watch.isDiskTrouble) return;
    record.note('a second opsd');
    record.count('rivals');
    const rival = systemd.spawn('pipe');
    let said = '';
    for (const stream of [rival.stdout, rival.stderr]) stream?.on('data', (part) => (said += part));
    const winner = systemd.pid;
    const timer = setTimeout(() => rival.kill('SIGKILL'), RIVAL_MS);
    const code = await new Promise<number | null>((resolve) => rival.once('close', resolve));
    clearTimeout(timer);
    if (code !== 2 || !said.includes(`pid ${winner}`)) {
      throw new Violation(`a second opsd ended with exit code ${code} instead of 2 and naming pid ${winner}: ${said}`);
    }
  }

  /** Not while something may be about to be forgotten: what was dropped of it would never be told. */
  #mayFillDisk(): boolean {
    const { arena, watch, systemd, fleet } = this.#world;
    const isLeaving = fleet.members.some(({ isConfigured }) => !isConfigured);
    return arena.hasSmallDisk && watch.isAtWork(systemd.pid) && !watch.isDiskTrouble && !isLeaving;
  }

  #fillDisk(): void {
    const { arena, watch, chance, record } = this.#world;
    watch.diskFilled();
    arena.fill();
    record.note('the disk is full');
    record.count('times the disk was full');
    this.#isDiskFull = true;
    const now = performance.now();
    this.#freeDiskAt = now + chance.between(500, 4_000);
    if (chance.is(0.7)) this.#mayEndDaemonAt = this.#freeDiskAt + UNDISTURBED_MS;
  }
}
