// A process that tries faults: it has the tests and the planted tree loaded, and runs what covers a fault until one fails.

import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { type Collected, takeCollected } from './collected.ts';
import { passedPlaces, plant, stepsSoFar, watchPlaces } from './planted.ts';

/** What is asked of this process. */
export type Question =
  /** Without any fault: what there is, how long it takes, which places it comes past. A test that takes more is too slow. */
  | { readonly type: 'measure'; readonly faults: number; readonly most: number }
  /** `tests`: by their place in what was measured, and how many steps each may take. */
  | { readonly type: 'try'; readonly fault: number; readonly tests: readonly (readonly [test: number, most: number])[] }
  /** The fault is in what a file does when it is loaded: it is there before. `without`: names of tests that do not count. */
  | {
      readonly type: 'load';
      readonly fault: number;
      readonly files: readonly string[];
      readonly without: readonly string[];
    };

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

export type Reply =
  | { readonly type: 'measured'; readonly tests: readonly Measured[]; readonly whenLoaded: readonly number[] }
  /** `by`: the test that failed; null: none has. */
  | { readonly type: 'tried'; readonly fault: number; readonly by: string | null };

const [, , tree = '', ...files] = process.argv;
const treeUrl = pathToFileURL(`${tree}/`).href;
const collector = new URL('collected.ts', import.meta.url).href;
const stripped = new Map<string, string>();
/** Part of the address of each module of the tree: another world loads all of them anew. */
let world = 0;

registerHooks({
  resolve(specifier, context, next) {
    const isOfTree = context.parentURL?.startsWith(treeUrl) === true;
    if (isOfTree && specifier === 'node:test') return { url: collector, shortCircuit: true };
    const resolved = next(specifier, context);
    return resolved.url.startsWith(treeUrl) ? { ...resolved, url: `${resolved.url}?world=${world}` } : resolved;
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
fc.configureGlobal({ seed: 1, endOnFailure: true });

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
      return { type: 'tried', fault: question.fault, by: await tryTests(question) };
    case 'load':
      return { type: 'tried', fault: question.fault, by: await tryFiles(question) };
  }
}

async function testsOf(file: string): Promise<readonly Collected[]> {
  // As many random worlds as take a second or two.
  process.env.SEEDS = file.endsWith('/rollouts.test.ts') ? '2' : '40';
  await import(pathToFileURL(join(tree, file)).href);
  return takeCollected();
}

async function measure(question: Extract<Question, { type: 'measure' }>): Promise<Reply> {
  const count = question.faults;
  world += 1;
  watchPlaces(count);
  for (const file of files) await testsOf(file);
  const whenLoaded = passedPlaces();
  const measured: Measured[] = [];
  for (const one of tests) {
    plant(-1, question.most);
    watchPlaces(count);
    const from = performance.now();
    const why = await failureOf(one.test);
    const isSlow = stepsSoFar() > question.most;
    const millis = performance.now() - from;
    const { file, test } = one;
    measured.push({
      file,
      name: test.name,
      millis,
      steps: stepsSoFar(),
      passed: passedPlaces(),
      isSlow,
      broken: isSlow ? null : why,
    });
  }
  return { type: 'measured', tests: measured, whenLoaded };
}

async function tryTests({ fault, tests: chosen }: Extract<Question, { type: 'try' }>): Promise<string | null> {
  for (const [index, most] of chosen) {
    const test = tests[index]?.test;
    if (test === undefined) continue;
    plant(fault, most);
    const why = await failureOf(test);
    plant(-1, Number.POSITIVE_INFINITY);
    if (why !== null) return test.name;
  }
  return null;
}

async function tryFiles({
  fault,
  files: chosen,
  without,
}: Extract<Question, { type: 'load' }>): Promise<string | null> {
  world += 1;
  for (const file of chosen) {
    plant(fault, Number.POSITIVE_INFINITY);
    try {
      for (const test of await testsOf(file)) {
        if (!without.includes(test.name) && (await failureOf(test)) !== null) return test.name;
      }
    } catch {
      return `loading ${file}`;
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
