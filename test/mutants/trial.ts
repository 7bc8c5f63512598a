// A process that tries faults: it has the tests and the planted tree loaded, and runs what covers a fault until one fails.

import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { type Collected, takeCollected } from './collected.ts';
import { passedPlaces, plant, stepsSoFar, watchPlaces } from './planted.ts';

/** Names of a test, and how many steps it may take. */
type Limits = Readonly<Record<string, number>>;

/** What is asked of this process. */
export type Question =
  /** Without any fault: what there is, how long it takes, which places it comes past. A test that takes more is too slow. */
  | {
      readonly type: 'measure';
      readonly faults: number;
      readonly sources: readonly string[];
      readonly most: number;
    }
  /** `tests`: by their place in what was measured, and how many steps each may take. */
  | {
      readonly type: 'try';
      readonly faults: readonly number[];
      readonly tests: readonly (readonly [test: number, most: number])[];
    }
  /** The faults are there before the files are loaded. */
  | {
      readonly type: 'load';
      readonly faults: readonly number[];
      readonly files: readonly (readonly [file: string, limits: Limits])[];
    };

/** `millis`: of this process, whatever else the host does. */
export interface Measured {
  readonly file: string;
  readonly name: string;
  readonly millis: number;
  readonly steps: number;
  readonly passed: readonly number[];
  readonly isSlow: boolean;
  /** Why it fails without any fault: it cannot tell anything; null: it does not. */
  readonly broken: string | null;
}

/** A test file when it is loaded. */
export interface Loaded {
  readonly file: string;
  /** Places that it comes past by itself, the sources being there. */
  readonly passed: readonly number[];
  /** The sources that it imports, and those that they import. */
  readonly sources: readonly string[];
}

/** `whenLoaded`: places that are come past as soon as the sources are there. */
export interface Measurement {
  readonly tests: readonly Measured[];
  readonly files: readonly Loaded[];
  readonly whenLoaded: readonly number[];
}

export type Reply =
  | ({ readonly type: 'measured' } & Measurement)
  /** `by`: the test that failed, and its file; null: none has. */
  | { readonly type: 'tried'; readonly by: Catch | null };

export interface Catch {
  readonly file: string;
  readonly name: string;
}

/** More places than that are come past by nobody who only begins. */
const MOST_TO_LOAD = 5_000_000;

const [, , tree = '', ...files] = process.argv;
const treeUrl = pathToFileURL(`${tree}/`).href;
const collector = new URL('collected.ts', import.meta.url).href;
const stripped = new Map<string, string>();
/** Part of the address of each module of the tree: another world loads all of them anew. */
let world = 0;
/** Who imports whom, by their paths. */
const imports = new Map<string, Set<string>>();

registerHooks({
  resolve(specifier, context, next) {
    const isOfTree = context.parentURL?.startsWith(treeUrl) === true;
    if (isOfTree && specifier === 'node:test') return { url: collector, shortCircuit: true };
    const resolved = next(specifier, context);
    if (!resolved.url.startsWith(treeUrl)) return resolved;
    if (isOfTree) importedBy(pathOf(context.parentURL ?? '')).add(pathOf(resolved.url));
    return { ...resolved, url: `${resolved.url}?world=${world}` };
  },
  load(url, context, next) {
    if (!url.startsWith(treeUrl)) return next(url, context);
    const path = fileURLToPath(url);
    const source = stripped.get(path) ?? stripTypeScriptTypes(readFileSync(path, 'utf8'));
    stripped.set(path, source);
    return { format: 'module', source, shortCircuit: true };
  },
});

// The same random worlds for every fault; a smaller one that fails as well is of no use here.
fc.configureGlobal({ seed: 1, endOnFailure: true, numRuns: 50 });

const tests: { readonly file: string; readonly test: Collected }[] = [];
process.on('disconnect', () => process.exit());
process.on('message', (question: Question) => void answer(question));
for (const file of files) {
  for (const test of await testsOf(file)) tests.push({ file, test });
}
process.send?.({ type: 'ready' });

async function answer(question: Question): Promise<void> {
  process.send?.(await replyTo(question));
}

async function replyTo(question: Question): Promise<Reply> {
  switch (question.type) {
    case 'measure':
      return measure(question);
    case 'try':
      return { type: 'tried', by: await tryTests(question) };
    case 'load':
      return { type: 'tried', by: await tryFiles(question) };
  }
}

async function testsOf(file: string): Promise<readonly Collected[]> {
  // As many random worlds as take a second.
  process.env.SEEDS = file.endsWith('/rollouts.test.ts') ? '1' : '20';
  await import(pathToFileURL(join(tree, file)).href);
  return takeCollected();
}

async function measure({ faults, sources, most }: Extract<Question, { type: 'measure' }>): Promise<Reply> {
  world += 1;
  watchPlaces(faults);
  for (const source of sources) await import(pathToFileURL(join(tree, source)).href);
  const whenLoaded = passedPlaces();
  const loaded: Loaded[] = [];
  for (const file of files) {
    watchPlaces(faults);
    await testsOf(file);
    loaded.push({ file, passed: passedPlaces(), sources: [...reachedFrom(file)] });
  }
  const measured: Measured[] = [];
  for (const { file, test } of tests) {
    plant([], most);
    watchPlaces(faults);
    const from = process.cpuUsage();
    const why = await failureOf(test);
    const { user, system } = process.cpuUsage(from);
    const isSlow = stepsSoFar() > most;
    measured.push({
      file,
      name: test.name,
      millis: (user + system) / 1_000,
      steps: stepsSoFar(),
      passed: passedPlaces(),
      isSlow,
      broken: isSlow ? null : why,
    });
  }
  return { type: 'measured', tests: measured, files: loaded, whenLoaded };
}

function importedBy(path: string): Set<string> {
  const known = imports.get(path) ?? new Set();
  imports.set(path, known);
  return known;
}

/** From the root of the tree. */
function pathOf(url: string): string {
  return url.slice(treeUrl.length).replace(/\?.*/, '');
}

function reachedFrom(file: string): ReadonlySet<string> {
  const reached = new Set([file]);
  for (const path of reached) for (const imported of imports.get(path) ?? []) reached.add(imported);
  return reached;
}

async function tryTests({ faults, tests: chosen }: Extract<Question, { type: 'try' }>): Promise<Catch | null> {
  for (const [index, most] of chosen) {
    const one = tests[index];
    if (one === undefined) continue;
    plant(faults, most);
    const why = await failureOf(one.test);
    plant([], Number.POSITIVE_INFINITY);
    if (why !== null) return { file: one.file, name: one.test.name };
  }
  return null;
}

async function tryFiles({ faults, files: chosen }: Extract<Question, { type: 'load' }>): Promise<Catch | null> {
  world += 1;
  for (const [file, limits] of chosen) {
    plant(faults, MOST_TO_LOAD);
    try {
      for (const test of await testsOf(file)) {
        const most = limits[test.name];
        if (most === undefined) continue;
        plant(faults, most);
        if ((await failureOf(test)) !== null) return { file, name: test.name };
      }
    } catch {
      return { file, name: 'it cannot be loaded' };
    }
  }
  return null;
}

async function failureOf(test: Collected): Promise<string | null> {
  try {
    await test.run();
    return null;
  } catch (error) {
    return String(error);
  }
}
