// `make mutants`: plants one fault after another in what is pure, and tells which of them no test notices.

import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Bench } from './bench.ts';
import { Compiler } from './compiler.ts';
import type { Fault } from './faults.ts';
import type { Numbered } from './plant.ts';
import { listed, nameOf, renew } from './survivors.ts';
import { plantTree, sourcesIn, testsIn } from './tree.ts';
import type { Measured } from './trial.ts';

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

/** A fault may make a test that much longer before it counts as endless. */
const PATIENCE = 20;
const LEAST_STEPS = 500_000;
const LEAST_WAIT = 20_000;

/** Tests that come past more places than that are too slow for this. */
const MOST_STEPS = 20_000_000;

interface Plan {
  readonly tests: readonly Measured[];
  readonly whenLoaded: ReadonlySet<number>;
  /** The quickest first. */
  readonly files: readonly string[];
  /** Names of tests that fail as it is, or are too slow. */
  readonly without: readonly string[];
}

const begun = performance.now();
using compiler = new Compiler(root);
const all = compiler.faultsIn(sourcesIn(root)).map((fault, id): Numbered => ({ fault, id }));
const chosen = sampleOf(all.filter(({ fault }) => fault.file.includes(only)));
console.log(`${chosen.length} of ${all.length} faults, SEED=${seed}${only === '' ? '' : `, ONLY=${only}`}`);

plantTree(root, tree, all);
const files = testsIn(tree).filter((file) => file.includes(tested));
await using first = new Bench(tree, files);
const { tests, whenLoaded } = await first.measure(all.length, MOST_STEPS);
for (const { file, name, broken } of tests)
  if (broken !== null) console.log(`${file}: "${name}" fails as it is: ${broken}`);
const without = tests.filter(({ broken, isSlow }) => isSlow || broken !== null).map(({ name }) => name);
const plan: Plan = { tests, whenLoaded, files: quickestFirst(tests), without };
console.log(`${plan.tests.length} tests in ${files.length} files, ${since(begun)} s`);

const known = listed();
const queue = [...chosen];
const survivors: Fault[] = [];
let refused = 0;
let begunFaults = 0;
await Promise.all(
  Array.from({ length: Math.min(workers, chosen.length) }, async (_, index) => {
    await using bench = index === 0 ? first : new Bench(tree, files);
    for (let one = queue.shift(); one !== undefined && seconds(begun) < limit; one = queue.shift()) {
      begunFaults += 1;
      const { fault } = one;
      if (compiler.refuses(fault, 'in its file')) refused += 1;
      else if ((await caughtBy(bench, one)) !== null) continue;
      else if (compiler.refuses(fault, 'anywhere')) refused += 1;
      else {
        survivors.push(fault);
        if (!known.has(nameOf(fault))) console.log(`${fault.file}\n${nameOf(fault)}\n`);
      }
    }
  }),
);
rmSync(tree, { recursive: true, force: true });
report();

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

function quickestFirst(tests: readonly Measured[]): readonly string[] {
  const sums = [...Map.groupBy(tests, ({ file }) => file)].map(([file, of]) => [file, sumOf(of)] as const);
  return sums.sort(([, a], [, b]) => a - b).map(([file]) => file);
}

function caughtBy(bench: Bench, { fault, id }: Numbered): Promise<string | null> {
  const limit = (millis: number) => Math.max(LEAST_WAIT, millis * PATIENCE);
  // What a file does when it is loaded: nobody knows which tests that matters to, its own folder's first.
  if (plan.whenLoaded.has(id)) {
    const near = `test/${fault.file.split('/')[1]}/`;
    const ordered = [...plan.files].sort((a, b) => Number(b.startsWith(near)) - Number(a.startsWith(near)));
    const question = { type: 'load', fault: id, files: ordered, without: plan.without } as const;
    return bench.try(question, limit(sumOf(plan.tests)));
  }
  const covering = plan.tests
    .map((test, index) => ({ ...test, index }))
    .filter(({ broken, isSlow, passed }) => broken === null && !isSlow && passed.includes(id))
    .sort((a, b) => a.millis - b.millis);
  if (covering.length === 0) return Promise.resolve(null);
  const chosen = covering.map(({ index, steps }) => [index, Math.max(LEAST_STEPS, steps * PATIENCE)] as const);
  return bench.try({ type: 'try', fault: id, tests: chosen }, limit(sumOf(covering)));
}

function sumOf(tests: readonly Measured[]): number {
  return tests.reduce((sum, { millis }) => sum + millis, 0);
}

function report(): void {
  const tried = begunFaults - refused;
  const fresh = survivors.filter((fault) => !known.has(nameOf(fault)));
  const unexplained = survivors.filter((fault) => known.get(nameOf(fault))?.reason === '');
  console.log(
    `${tried} faults, ${tried - survivors.length} caught (${percent(tried - survivors.length, tried)} %), ` +
      `${survivors.length} survive: ${fresh.length} of them are not in the list, ${unexplained.length} have no reason there; ` +
      `${refused} more are refused by the compiler; ${since(begun)} s`,
  );
  if (begunFaults < chosen.length) console.log(`${chosen.length - begunFaults} were not tried within ${limit} s`);
  const isWhole = begunFaults === all.length;
  if (process.env.UPDATE === '1') return renew(survivors, isWhole ? null : chosen.map(({ fault }) => nameOf(fault)));
  if (!isWhole) {
    // Before all were tried once there is no list, and nothing that a sample could be measured by.
    if (known.size > 0 && percent(tried - fresh.length, tried) < LEAST_OF_SAMPLE) process.exitCode = 1;
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
