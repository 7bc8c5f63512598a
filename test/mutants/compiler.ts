// The compiler at hand: the syntax trees of the sources, and whether it would refuse a fault.

import { join } from 'node:path';
import { API, type Project } from 'typescript/unstable/sync';
import { type Fault, faultsOf, withFault } from './faults.ts';

export class Compiler implements Disposable {
  readonly #api: API;
  readonly #root: string;
  readonly #config: string;
  readonly #texts = new Map<string, string>();
  /** What the compiler sees instead of what the file holds. */
  readonly #changed = new Map<string, string>();
  /** What it saw changed the last time, and has to read anew. */
  #stale: readonly string[] = [];

  constructor(root: string) {
    this.#root = root;
    this.#config = join(root, 'tsconfig.json');
    this.#api = new API({ cwd: root, fs: { readFile: (path) => this.#changed.get(path) } });
  }

  faultsIn(files: readonly string[]): readonly Fault[] {
    const { program } = this.#project();
    return files.flatMap((file) => {
      const source = program.getSourceFile(join(this.#root, file));
      if (source === undefined) throw new Error(`${file} is no part of ${this.#config}`);
      this.#texts.set(file, source.text);
      return faultsOf(file, source);
    });
  }

  /** Which of them it refuses where they are: a fault that does not compile reaches nobody, whatever the tests say. */
  refusedInTheirFiles(faults: readonly Fault[]): readonly Fault[] {
    // Of those that cannot reach another file each is refused for itself; the others once more, alone.
    const contained = roundsOf(faults.filter(({ isContained }) => isContained)).flatMap((all) => this.#refusedAt(all));
    const others = roundsOf(faults.filter(({ isContained }) => !isContained)).flatMap((all) => this.#refusedAt(all));
    return [...contained, ...others.filter((fault) => this.#refusedAt([fault]).length > 0)];
  }

  /** Which of them it refuses in other files. To look through all files takes long: many faults at once. */
  refusedElsewhere(faults: readonly Fault[]): readonly Fault[] {
    return roundsOf(faults.filter(({ isContained }) => !isContained)).flatMap((all) => this.#refusedOf(all));
  }

  #refusedAt(faults: readonly Fault[]): readonly Fault[] {
    return this.#with(faults, ({ program }) =>
      faults.filter(({ file }) => {
        const path = join(this.#root, file);
        return program.getSyntacticDiagnostics(path).length + program.getSemanticDiagnostics(path).length > 0;
      }),
    );
  }

  /** `faults`: one of a file. Halved until it is known which. */
  #refusedOf(faults: readonly Fault[]): readonly Fault[] {
    if (!this.#with(faults, ({ program }) => program.getSemanticDiagnostics().length > 0)) return [];
    if (faults.length <= 1) return faults;
    const half = Math.ceil(faults.length / 2);
    return [...this.#refusedOf(faults.slice(0, half)), ...this.#refusedOf(faults.slice(half))];
  }

  #with<T>(faults: readonly Fault[], ask: (project: Project) => T): T {
    const paths = faults.map(({ file }) => join(this.#root, file));
    for (const fault of faults) {
      this.#changed.set(join(this.#root, fault.file), withFault(this.#texts.get(fault.file) ?? '', fault));
    }
    try {
      return ask(this.#project([...this.#stale, ...paths]));
    } finally {
      this.#changed.clear();
      this.#stale = paths;
    }
  }

  [Symbol.dispose](): void {
    this.#api.close();
  }

  #project(changed: readonly string[] = []): Project {
    const snapshot = this.#api.updateSnapshot({
      openProjects: [this.#config],
      fileChanges: { changed: [...changed] },
    });
    const project = snapshot.getProject(this.#config);
    if (project === undefined) throw new Error(`${this.#config} is no project of the compiler`);
    return project;
  }
}

/** One of a file at a time. */
function roundsOf(faults: readonly Fault[]): readonly (readonly Fault[])[] {
  const inTheirFiles = [...Map.groupBy(faults, ({ file }) => file).values()];
  const rounds = Math.max(0, ...inTheirFiles.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) => inTheirFiles.flatMap((of) => of.slice(round, round + 1)));
}
