// Spoils what opsd keeps in its run directory while none runs: PID files, the state file, the lock, the socket.

import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Arena } from './arena.ts';
import type { Chance } from './chance.ts';

export class Vandal {
  readonly #run: string;
  readonly #chance: Chance;
  readonly #strangers: readonly number[];
  readonly #services: readonly string[];

  constructor(arena: Arena, chance: Chance, strangers: readonly number[], services: readonly string[]) {
    this.#run = arena.run;
    this.#chance = chance;
    this.#strangers = strangers;
    this.#services = services;
  }

  /** Gives what it did. `isForgotten`: what opsd remembered may be lost. */
  strike(): { readonly what: string; readonly isForgotten: boolean } {
    const [what, act, isForgotten] = this.#chance.weighted<readonly [string, () => void, boolean]>([
      [4, ['false PID files', () => this.#falsePidFiles(), false]],
      [2, ['a state file that is cut off', () => this.#cutOff(), true]],
      [2, ['a state file with wrong bytes', () => this.#scribble(), true]],
      [3, ["a state file with strangers' PIDs", () => this.#falseState(), true]],
      [1, ['no state file', () => this.#remove('opsd.state.json', 'opsd.state.json.bak'), true]],
      [1, ['a state file from the future', () => this.#write('opsd.state.json', '{"version":99}\n'), true]],
      [1, ['no socket', () => this.#remove('opsd.sock'), false]],
      [1, ["a stranger's PID in lock and opsd.pid", () => this.#falseLock(), false]],
      [1, ['no PID files', () => this.#remove(...this.#pidFiles()), false]],
    ]);
    act();
    return { what, isForgotten };
  }

  #falsePidFiles(): void {
    for (let count = this.#chance.between(1, 6); count > 0; count -= 1) {
      const service = this.#chance.pick(this.#services);
      const stranger = this.#chance.pick(this.#strangers);
      const text = this.#chance.pick([
        `${stranger}\n`,
        `${stranger}\n`,
        `-${stranger}\n`,
        '',
        '0\n',
        '1\n',
        '-1\n',
        'x\n',
        '99999999999999999999\n',
        '\0\0\0\0',
      ]);
      const name = `${service}.pid`;
      this.#remove(name);
      if (this.#chance.is(0.1)) symlinkSync('/etc/hostname', join(this.#run, name));
      else this.#write(name, text ?? '');
    }
  }

  #falseLock(): void {
    const stranger = this.#chance.pick(this.#strangers);
    this.#write('opsd.lock', `${stranger}\n`);
    this.#write('opsd.pid', `${stranger}\n`);
  }

  #cutOff(): void {
    const path = join(this.#run, 'opsd.state.json');
    if (!existsSync(path)) return;
    truncateSync(path, this.#chance.between(0, Math.max(0, readFileSync(path).length - 1)));
  }

  #scribble(): void {
    const path = join(this.#run, 'opsd.state.json');
    if (!existsSync(path)) return;
    const bytes = readFileSync(path);
    for (let count = this.#chance.between(1, 20); count > 0 && bytes.length > 0; count -= 1) {
      bytes[this.#chance.between(0, bytes.length - 1)] = this.#chance.between(0, 255);
    }
    writeFileSync(path, bytes);
  }

  /** Whole, with the right checksum; but the PIDs are those of strangers, as after a reuse of numbers. */
  #falseState(): void {
    const path = join(this.#run, 'opsd.state.json');
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const [, head, tail] = /^(\{"version":1,"crc32":)\d+(,"bootId":"[^"]*","services":)/.exec(text) ?? [];
    if (head === undefined || tail === undefined) return;
    const body = text.slice(text.indexOf('"services":') + '"services":'.length, -2);
    const spoilt = body.replace(/"pid":\d+/g, (pid) =>
      this.#chance.is(0.3) ? `"pid":${this.#chance.pick(this.#strangers)}` : pid,
    );
    writeFileSync(path, `${head}${crc32(spoilt)}${tail}${spoilt}}\n`);
  }

  #pidFiles(): string[] {
    return readdirSync(this.#run).filter((name) => name.endsWith('.pid'));
  }

  #write(name: string, text: string): void {
    try {
      writeFileSync(join(this.#run, name), text, { mode: 0o600 });
    } catch (error) {
      // The disk may be full.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    }
  }

  #remove(...names: readonly string[]): void {
    for (const name of names) rmSync(join(this.#run, name), { force: true });
  }
}
