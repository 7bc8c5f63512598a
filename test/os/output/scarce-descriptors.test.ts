// Outputs without a descriptor left, in a process of its own that has few: nothing falls over, and all is read in the end.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';

const outputs = resolve(import.meta.dirname, 'outputs.ts');
const wait = resolve(import.meta.dirname, '../../support/wait.ts');

/** Runs a script with a bench `b` in which `takeAll()` leaves no descriptor and `giveBack()` returns them; gives its JSON. */
function run(script: string): unknown {
  const source = `
    import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
    import { spawnSync } from 'node:child_process';
    import { bench, specOf } from '${outputs}';
    import { waitFor } from '${wait}';
    await using b = await bench({ retryEvery: 50 });
    const taken = [];
    const takeAll = () => { try { for (;;) taken.push(openSync('/dev/null')); } catch {} };
    const giveBack = () => { for (const descriptor of taken.splice(0)) closeSync(descriptor); };
    ${script}`;
  const { stdout, stderr } = spawnSync('prlimit', [
    '--nofile=60:60',
    process.execPath,
    '--input-type=module-typescript',
    '-e',
    source,
  ]);
  assert.equal(stderr.toString(), '');
  return JSON.parse(stdout.toString());
}

const REMEDY = /^ERROR too many open files: .*; raise LimitNOFILE= of opsd/;

test('outputs leave some descriptors for opsd itself, which can write and start processes all the time', () => {
  const result = run(`
    const names = Array.from({ length: 60 }, (_, index) => 'web' + index);
    b.outputs.prepare(names.map((name) => specOf(name)));
    takeAll();
    const left = taken.length;
    giveBack();
    await b.finish(specOf('web0'), 'echo one');
    await waitFor('its end', () => b.read('web0') === 'one\\n' || b.counted.dropped === 4);
    console.log(JSON.stringify({ left, lines: b.log.lines }));
  `);
  assert.ok(typeof result === 'object' && result && 'left' in result && 'lines' in result);
  assert.ok(Number(result.left) > 7, `${result.left}`);
  assert.ok(Array.isArray(result.lines));
  assert.match(result.lines[0], REMEDY);
});

test('services that live on are read when there is a descriptor again; one line says what to do until then', () => {
  const result = run(`
    mkdirSync(b.path + '/run/fifo', { mode: 0o700 });
    const paths = ['web', 'db'].map((name) => b.path + '/run/fifo/' + name);
    spawnSync('mkfifo', ['--mode=600', ...paths]);
    const held = paths.map((path) => openSync(path, 'r+'));
    for (const fd of held) writeFileSync(fd, 'waiting\\n');
    takeAll();
    const specs = ['web', 'db', 'new'].map((name) => specOf(name));
    b.outputs.prepare(specs);
    b.outputs.prepare(specs);
    let code = '';
    try { b.outputs.open(specOf('web')); } catch (error) { code = error.code; }
    giveBack();
    await waitFor('both', () => b.read('web') === 'waiting\\n' && b.read('db') === 'waiting\\n');
    await b.finish(specOf('new'), 'echo new');
    await waitFor('the new one', () => b.read('new') === 'new\\n');
    for (const fd of held) closeSync(fd);
    console.log(JSON.stringify({ code, lines: b.log.lines }));
  `);
  assert.ok(typeof result === 'object' && result && 'code' in result && 'lines' in result);
  assert.equal(result.code, 'EMFILE', 'by which it is known to be over some time');
  assert.ok(Array.isArray(result.lines));
  assert.equal(result.lines.length, 1, result.lines.join('\n'));
  assert.match(result.lines[0], REMEDY);
});
