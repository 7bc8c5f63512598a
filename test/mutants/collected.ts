// Takes the place of node:test while faults are tried: tests are collected here and run one by one, in one process.

export interface Collected {
  readonly name: string;
  run(): Promise<void>;
}

let collected: Collected[] = [];

/** What the files that were imported since the last time have. */
export function takeCollected(): readonly Collected[] {
  const taken = collected;
  collected = [];
  return taken;
}

interface Context {
  readonly name: string;
  diagnostic(message: string): void;
  test(name: string, body: Body): Promise<void>;
}

type Body = (context: Context) => unknown;

/** `test(name, body)` and `test(name, options, body)`. */
export function test(name: string, options: Body | { readonly skip?: unknown }, body?: Body): void {
  const what = typeof options === 'function' ? options : body;
  if (what === undefined || (typeof options === 'object' && options.skip)) return;
  collected.push({ name, run: () => run(name, what) });
}

export default test;

async function run(name: string, body: Body): Promise<void> {
  await body({ name, diagnostic() {}, test: run });
}
