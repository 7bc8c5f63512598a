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

  /** A fault that does not compile reaches nobody, whatever the tests say. `where`: the file itself is asked in a moment. */
  refuses(fault: Fault, where: 'in its file' | 'anywhere'): boolean {
    const path = join(this.#root, fault.file);
    const file = where === 'anywhere' ? undefined : path;
    this.#changed.set(path, withFault(this.#texts.get(fault.file) ?? '', fault));
    try {
      const { program } = this.#project([path]);
      return program.getSyntacticDiagnostics(path).length + program.getSemanticDiagnostics(file).length > 0;
    } finally {
      this.#changed.delete(path);
      this.#project([path]);
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
