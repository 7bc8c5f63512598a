// `make mutants`: plants one fault after another in what is pure, and tells which of them no test notices.

import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Bench } from './bench.ts';
import { Compiler } from './compiler.ts';
import type { Fault } from './faults.ts';
import { Plan } from './plan.ts';
import type { Numbered } from './plant.ts';
import { listed, nameOf, renew } from './survivors.ts';
import { plantTree, sourcesIn, testsIn } from './tree.ts';

const root = resolve(import.meta.dirname, '../..');
const tree = join(root, `tmp/mutants.${process.pid}`);
/** How many are tried; all, where none is said. */
const sample = Number(process.env.SAMPLE ?? Number.POSITIVE_INFINITY);
const seed = process.env.SEED ?? new Date().toISOString().slice(0, 10);
const workers = Number(process.env.WORKERS ?? 2);
/** No more faults are begun after that many seconds: a busy host tries fewer of a sample. */
const limit = Number(process.env.LIMIT ?? Number.POSITIVE_INFINITY);
/** Only faults of files whose path has this in it. */
const only = process.env.ONLY ?? '';
/** Only tests of files whose path has this in it: quicker, while they are written. */
const tested = process.env.TESTS ?? '';
/** Which faults a sample has is chance: it tells of each that is new, and fails where fewer in a hundred than that are known or caught. */
const LEAST_OF_SAMPLE = 85;

/** Tests that come past more places than that are too slow for this. */
const MOST_STEPS = 12_000_000;

/** So many of the list are tried at once: that none is noticed is what the list says. */
const KNOWN_AT_ONCE = 20;

const begun = performance.now();
using compiler = new Compiler(root);
const sources = sourcesIn(root);
const all = compiler.faultsIn(sources).map((fault, id): Numbered => ({ fault, id }));
const chosen = sampleOf(all.filter(({ fault }) => fault.file.includes(only)));
console.log(`${chosen.length} of ${all.length} faults, SEED=${seed}${only === '' ? '' : `, ONLY=${only}`}`);

plantTree(root, tree, all);
const files = testsIn(tree).filter((file) => file.includes(tested));
await using first = new Bench(tree, files);
const measurement = await first.measure(all.length, sources, MOST_STEPS);
for (const { file, name, broken } of measurement.tests)
  if (broken !== null) console.log(`${file}: "${name}" fails as it is: ${broken.split('\n', 1)[0]}`);
console.log(`${measurement.tests.length} tests in ${files.length} files, ${since(begun)} s`);

const plan = new Plan(measurement);
const known = listed();
const isKnown = ({ fault }: Numbered) => known.has(nameOf(fault));
const refused = new Set(compiler.refusedInTheirFiles(chosen.filter((one) => !isKnown(one)).map(({ fault }) => fault)));
const queue = portionsOf(chosen.filter(({ fault }) => !refused.has(fault)));
console.log(`${refused.size} are refused by the compiler, ${since(begun)} s`);
const survivors: Fault[] = [];
const tried: Fault[] = [];
let nextWord = 500;
await Promise.all(
  Array.from({ length: Math.min(workers, queue.length) }, async (_, index) => {
    await using bench = index === 0 ? first : new Bench(tree, files);
    for (let some = queue.shift(); some !== undefined && seconds(begun) < limit; some = queue.shift()) {
      await tryAll(bench, some);
    }
  }),
);
for (const fault of compiler.refusedElsewhere(survivors.filter((one) => !known.has(nameOf(one))))) {
  survivors.splice(survivors.indexOf(fault), 1);
  refused.add(fault);
}
for (const fault of survivors) if (!known.has(nameOf(fault))) console.log(`${fault.file}\n${nameOf(fault)}\n`);
rmSync(tree, { recursive: true, force: true });
report();

/** Those of the list together, for they will survive; the others one by one. */
function portionsOf(faults: readonly Numbered[]): (readonly Numbered[])[] {
  const listedOnes = faults.filter(isKnown);
  const others = faults.filter((one) => !isKnown(one));
  const together = Array.from({ length: Math.ceil(listedOnes.length / KNOWN_AT_ONCE) }, (_, index) =>
    listedOnes.slice(index * KNOWN_AT_ONCE, (index + 1) * KNOWN_AT_ONCE),
  );
  return [...together, ...others.map((one) => [one])];
}

/** Halves what is noticed, until it is known which. */
async function tryAll(bench: Bench, some: readonly Numbered[]): Promise<void> {
  if ((await plan.caughtBy(bench, some)) === null) survivors.push(...some.map(({ fault }) => fault));
  else if (some.length > 1) {
    const half = Math.ceil(some.length / 2);
    await tryAll(bench, some.slice(0, half));
    return tryAll(bench, some.slice(half));
  }
  tried.push(...some.map(({ fault }) => fault));
  if (tried.length < nextWord) return;
  console.log(`${tried.length} tried, ${survivors.length} of them survive, ${since(begun)} s`);
  nextWord += 500;
}

/** In the order of a hash: as good as by chance, and the same again for the same seed. */
function sampleOf(faults: readonly Numbered[]): readonly Numbered[] {
  if (faults.length <= sample) return faults;
  const rank = ({ fault }: Numbered) =>
    createHash('sha256')
      .update(`${seed} ${fault.file} ${nameOf(fault)}`)
      .digest('hex');
  const ranked = faults.map((one) => [rank(one), one] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  return ranked.slice(0, sample).map(([, one]) => one);
}

function report(): void {
  const standing = tried.length - tried.filter((fault) => refused.has(fault)).length;
  const caught = standing - survivors.length;
  const fresh = survivors.filter((fault) => !known.has(nameOf(fault)));
  const unexplained = survivors.filter((fault) => known.get(nameOf(fault))?.reason === '');
  console.log(
    `${standing} faults, ${caught} caught (${percent(caught, standing)} %), ` +
      `${survivors.length} survive: ${fresh.length} of them are not in the list, ${unexplained.length} have no reason there; ` +
      `${refused.size} more are refused by the compiler; ${since(begun)} s`,
  );
  const done = new Set([...tried, ...refused]);
  if (done.size < chosen.length) console.log(`${chosen.length - done.size} were not tried within ${limit} s`);
  if (process.env.UPDATE === '1') {
    const untried = all.filter(({ fault }) => !done.has(fault)).map(({ fault }) => nameOf(fault));
    return renew(survivors, new Set(untried));
  }
  if (done.size < all.length) {
    // Before all were tried once there is no list, and nothing that a sample could be measured by.
    if (known.size > 0 && percent(standing - fresh.length, standing) < LEAST_OF_SAMPLE) process.exitCode = 1;
    return;
  }
  const alive = new Set(survivors.map(nameOf));
  const gone = [...known.keys()].filter((name) => !alive.has(name)).length;
  if (gone > 0) console.log(`${gone} of the list are caught now, or are not there any more: UPDATE=1 takes them out`);
  if (fresh.length + unexplained.length > 0) process.exitCode = 1;
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 100 : Math.round((part / whole) * 1_000) / 10;
}

function since(from: number): string {
  return seconds(from).toFixed(0);
}

function seconds(from: number): number {
  return (performance.now() - from) / 1000;
}
