// Which tests are tried on a fault, and in which order: those that come past its place, the likely and quick ones first.

import type { Bench } from './bench.ts';
import type { Numbered } from './plant.ts';
import type { Catch, Measured, Measurement } from './trial.ts';

/** A fault may make a test that many times longer before it counts as endless. */
const PATIENCE = 20;
const LEAST_STEPS = 500_000;
const LEAST_WAIT = 30_000;

export class Plan {
  readonly #tests: readonly (Omit<Measured, 'passed'> & {
    readonly index: number;
    readonly passed: ReadonlySet<number>;
  })[];
  readonly #measurement: Measurement;
  readonly #whenLoaded: ReadonlySet<number>;
  /** How often a test has caught a fault of a file: it may again. */
  readonly #catches = new Map<string, number>();

  constructor(measurement: Measurement) {
    this.#measurement = measurement;
    this.#whenLoaded = new Set(measurement.whenLoaded);
    this.#tests = measurement.tests
      .map((test, index) => ({ ...test, index, passed: new Set(test.passed) }))
      .filter(({ broken, isSlow }) => broken === null && !isSlow);
  }

  /** The test that notices them, planted all at once; null: none does. */
  async caughtBy(bench: Bench, faults: readonly Numbered[]): Promise<Catch | null> {
    const by = (await this.#whileTestsRun(bench, faults)) ?? (await this.#whenFilesAreLoaded(bench, faults));
    if (by === null) return null;
    for (const key of [keyOf(faults, by), keyOf(faults, { ...by, name: '' })]) {
      this.#catches.set(key, (this.#catches.get(key) ?? 0) + 1);
    }
    return by;
  }

  #whileTestsRun(bench: Bench, all: readonly Numbered[]): Promise<Catch | null> {
    const faults = all.map(({ id }) => id).filter((id) => !this.#whenLoaded.has(id));
    const covering = this.#tests.filter(({ passed }) => faults.some((id) => passed.has(id)));
    if (covering.length === 0) return Promise.resolve(null);
    const ordered = this.#likelyFirst(covering, (test) => keyOf(all, test));
    const tests = ordered.map((test) => [test.index, stepsFor(test)] as const);
    return bench.try({ type: 'try', faults, tests }, waitFor(covering));
  }

  /** What a file does when it is loaded is there for each of its tests. */
  #whenFilesAreLoaded(bench: Bench, all: readonly Numbered[]): Promise<Catch | null> {
    const touched = this.#measurement.files
      .filter(({ sources, passed }) =>
        all.some(({ fault, id }) => (this.#whenLoaded.has(id) ? sources.includes(fault.file) : passed.includes(id))),
      )
      .map(({ file }) => ({ file, tests: this.#tests.filter((test) => test.file === file) }))
      .map(({ file, tests }) => ({ file, tests, millis: sumOf(tests) }));
    if (touched.length === 0) return Promise.resolve(null);
    const ordered = this.#likelyFirst(touched, ({ file }) => keyOf(all, { file, name: '' }));
    const files = ordered.map(
      ({ file, tests }) => [file, Object.fromEntries(tests.map((test) => [test.name, stepsFor(test)]))] as const,
    );
    return bench.try({ type: 'load', faults: all.map(({ id }) => id), files }, waitFor(touched));
  }

  #likelyFirst<T extends { readonly millis: number }>(all: readonly T[], keyFor: (of: T) => string): readonly T[] {
    const rank = (of: T) => (1 + of.millis) / (1 + (this.#catches.get(keyFor(of)) ?? 0));
    return all
      .map((of) => [rank(of), of] as const)
      .sort(([a], [b]) => a - b)
      .map(([, of]) => of);
  }
}

function keyOf(faults: readonly Numbered[], { file, name }: Catch): string {
  return `${faults[0]?.fault.file} ${file} ${name}`;
}

function stepsFor({ steps }: { readonly steps: number }): number {
  return Math.max(LEAST_STEPS, steps * PATIENCE);
}

function waitFor(all: readonly { readonly millis: number }[]): number {
  return Math.max(LEAST_WAIT, sumOf(all) * PATIENCE);
}

function sumOf(all: readonly { readonly millis: number }[]): number {
  return all.reduce((sum, { millis }) => sum + millis, 0);
}
