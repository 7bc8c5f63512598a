// What services say about one another.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assertOnly, linesOf, load, problemsOf } from './loading.ts';

const service = (name: string, rest = '') => `[services.${name}]\ncommand = "true"\n${rest}`;

test('an unknown service is a problem that knows a better name', () => {
  const base = service('web', 'depends_on = ["dbb"]\nafter = ["nowhere"]\n') + service('db');
  assert.deepEqual(linesOf(problemsOf(base)), [
    'config.toml:3 services.web.depends_on no service "dbb"; did you mean "db"?',
    'config.toml:4 services.web.after no service "nowhere"; define it, or remove the name',
  ]);
});

test('a service that has problems of its own is no unknown one', () => {
  const base = `${service('web', 'depends_on = ["db"]\n')}[services.db]\nnice = "x"\n`;
  assert.deepEqual(
    problemsOf(base).map(({ key }) => key),
    ['services.db.command', 'services.db.nice'],
  );
});

test('a service cannot wait for itself', () => {
  assertOnly(
    problemsOf(service('web', 'after = ["web"]\n')),
    'config.toml:3 services.web.after',
    /cannot wait for itself/,
  );
});

test('a circle is printed as the way around it, once', () => {
  const base =
    service('a', 'depends_on = ["b"]\n') +
    service('b', 'after = ["c"]\n') +
    service('c', 'depends_on = { a = "started" }\n');
  assertOnly(problemsOf(base), 'config.toml:3 services.a.depends_on', /: a -> b -> c -> a; remove one of these$/);
});

test('there is a circle exactly where the order of the services has none', () => {
  const size = 6;
  const arrows = fc.uniqueArray(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { selector: String, maxLength: 10 });
  fc.assert(
    fc.property(arrows, (all) => {
      const waits = Array.from({ length: size }, (_, from) =>
        all.filter(([a, b]) => a === from && a !== b).map(([, b]) => b),
      );
      const text = waits
        .map((list, n) => service(`s${n}`, `after = [${list.map((to) => `"s${to}"`).join(', ')}]\n`))
        .join('');
      assert.equal(load(text).ok, canBeOrdered(waits));
    }),
  );
});

test('a chain of 10,000 services is no circle and no trouble', () => {
  const chain = Array.from({ length: 10_000 }, (_, n) =>
    service(`s${n}`, n === 0 ? '' : `after = ["s${n - 1}"]\n`),
  ).reverse();
  assert.ok(load(chain.join('')).ok);
});

test('waiting that may not end is doubtful', () => {
  const warnings = (text: string) => linesOf(load(text).warnings);
  const completed = 'depends_on = { setup = "completed" }\n';
  assert.match(
    warnings(service('web', completed) + service('setup'))[0] ?? '',
    /"setup" never completes: its restart is "always"/,
  );
  assert.deepEqual(warnings(service('web', completed) + service('setup', 'restart = "never"\n')), []);
  const disabled = service('web', 'depends_on = ["db"]\n') + service('db', 'enabled = false\n');
  assert.match(warnings(disabled)[0] ?? '', /"db" is not enabled: "web" waits until somebody starts it/);
});

/** Kahn's way: take away what waits for nobody until nothing is left. */
function canBeOrdered(waits: readonly (readonly number[])[]): boolean {
  const left = new Set(waits.keys());
  for (;;) {
    const free = [...left].filter((node) => waits[node]?.every((other) => !left.has(other)));
    if (free.length === 0) return left.size === 0;
    for (const node of free) left.delete(node);
  }
}
