// Faults that no test catches, each with the reason why none has to: the list beside this file, which a run compares.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './faults.ts';

export interface Survivor {
  readonly file: string;
  readonly was: string;
  readonly becomes: string;
  readonly reason: string;
}

const LIST = join(import.meta.dirname, 'survivors.json');

/** Known by what it changes, not by where: lines move, and so do files. */
export function nameOf({ was, becomes }: Pick<Fault, 'was' | 'becomes'>): string {
  return `- ${was}\n+ ${becomes}`;
}

export function listed(): ReadonlyMap<string, Survivor> {
  if (!existsSync(LIST)) return new Map();
  const survivors: readonly Survivor[] = JSON.parse(readFileSync(LIST, 'utf8'));
  return new Map(survivors.map((survivor) => [nameOf(survivor), survivor]));
}

/** Those that are new have no reason yet: a person gives it. Of the old ones those stay that were not tried. */
export function renew(survivors: readonly Fault[], untried: ReadonlySet<string>): void {
  const known = listed();
  const named = new Map([...known].filter(([name]) => untried.has(name)));
  for (const fault of survivors) {
    const { file, was, becomes } = fault;
    named.set(nameOf(fault), { file, was, becomes, reason: known.get(nameOf(fault))?.reason ?? '' });
  }
  const sorted = [...named].sort(([a, one], [b, other]) => order(`${one.file} ${a}`, `${other.file} ${b}`));
  writeFileSync(
    LIST,
    `${JSON.stringify(
      sorted.map(([, survivor]) => survivor),
      null,
      2,
    )}\n`,
  );
}

function order(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
