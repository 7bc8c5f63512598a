// What services write is what their logs hold: every byte, in order, whoever wrote it and however late.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadKernel } from '../../../src/os/fifo/kernel.ts';
import { waitFor } from '../../support/wait.ts';
import { bench, specOf } from './outputs.ts';

for (const how of ['by the kernel', 'by read and write'] as const) {
  const options = how === 'by the kernel' ? {} : { kernel: null };

  test(`a service may open /dev/stdout and /dev/stderr; both are in the log, in order (${how})`, async () => {
    await using b = await bench(options);
    b.outputs.prepare([specOf('web')]);
    assert.equal(
      await b.finish(specOf('web'), 'echo one; echo two > /dev/stdout; echo three > /dev/stderr; echo four >&2'),
      0,
    );
    await waitFor('four lines', () => b.read('web') === 'one\ntwo\nthree\nfour\n');
    assert.equal(b.counted.written, 'one\ntwo\nthree\nfour\n'.length);
  });

  test(`any bytes in any pieces arrive as they are (${how})`, async () => {
    await using b = await bench(options);
    b.outputs.prepare([specOf('web')]);
    const input = join(b.path, 'input');
    let expected = Buffer.alloc(0);
    const pieces = fc.sample(fc.uint8Array({ maxLength: 5_000 }), { numRuns: 100, seed: 42 });
    writeFileSync(input, Buffer.concat(pieces));
    expected = Buffer.concat([...pieces, ...pieces]);
    await b.finish(specOf('web'), `dd if=${input} bs=777 2>/dev/null; cat ${input}`);
    await waitFor('all bytes', () => b.read('web').length >= expected.length);
    assert.ok(readFileSync(b.logOf('web')).equals(expected));
  });

  test(`100 MB without a newline cost no memory and lose no byte (${how})`, async () => {
    await using b = await bench(options);
    b.outputs.prepare([specOf('web')]);
    await b.finish(specOf('web'), 'echo warm');
    const before = process.memoryUsage.rss();
    let most = before;
    const child = b.run(specOf('web'), "head -c 100000000 /dev/zero | tr '\\0' x");
    await waitFor('100 MB', () => {
      most = Math.max(most, process.memoryUsage.rss());
      return b.counted.written >= 100_000_005;
    });
    if (child.exitCode === null) await once(child, 'exit');
    assert.ok(most - before < 20e6, `memory grew by ${(most - before) / 1e6} MB`);
    assert.equal(b.read('web').length, 100_000_005);
  });
}

test('this Node lets the kernel copy: what a killed opsd had read is then not lost', () => {
  assert.notEqual(loadKernel(), null);
});

test('a grandchild that outlives the service writes on, into the same log', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  await b.finish(specOf('web'), `(while [ ! -e ${b.path}/go ]; do sleep 0.01; done; echo late) & echo main; exit 1`);
  b.outputs.endOfGeneration('web');
  assert.equal(b.read('web'), 'main\n');
  writeFileSync(join(b.path, 'go'), '');
  await waitFor('the late line', () => b.read('web') === 'main\nlate\n');
});

test('the last line of a generation gets an end, so that the next one is not glued to it', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  await b.finish(specOf('web'), 'printf abc');
  b.outputs.endOfGeneration('web');
  assert.equal(b.read('web'), 'abc\n');
  await b.finish(specOf('web'), 'printf def');
  await b.finish(specOf('web'), 'echo ghi');
  await waitFor('all three', () => b.read('web') === 'abc\ndef\nghi\n');
});

test('a partial line of the daemon before gets its end at the next start of the service', async () => {
  await using b = await bench();
  writeFileSync(b.logOf('web'), 'cut o');
  b.outputs.prepare([specOf('web')]);
  await b.finish(specOf('web'), 'echo next');
  await waitFor('both lines', () => b.read('web') === 'cut o\nnext\n');
});

test('with timestamps every line begins with the time, also one that came in pieces', async () => {
  await using b = await bench();
  const spec = specOf('web', 'capture', true);
  b.outputs.prepare([spec]);
  await b.finish(spec, 'echo one; printf tw; sleep 0.05; echo o; echo; printf three');
  b.outputs.endOfGeneration('web');
  const time = '\\w{3} \\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}';
  assert.match(b.read('web'), new RegExp(`^${time} one\\n${time} two\\n${time} \\n${time} three\\n$`));
});

test('timestamps can be turned on and off while the service runs', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  await b.finish(specOf('web'), 'echo plain');
  await waitFor('the first line', () => b.read('web') === 'plain\n');
  b.outputs.settings('web', specOf('web', 'capture', true));
  await b.finish(specOf('web', 'capture', true), 'echo stamped');
  await waitFor('the second line', () => /\d stamped\n$/.test(b.read('web')));
  b.outputs.settings('web', specOf('web'));
  await b.finish(specOf('web'), 'echo plain again');
  await waitFor('the third line', () => b.read('web').endsWith('stamped\nplain again\n'));
});

test('ten floods at once: a quiet service is heard at once all the same', async () => {
  await using b = await bench();
  const floods = Array.from({ length: 10 }, (_, index) => specOf(`flood${index}`));
  b.outputs.prepare([...floods, specOf('quiet')]);
  for (const flood of floods) b.run(flood, 'exec head -c 200000000 /dev/zero');
  await waitFor('the floods', () => b.counted.written > 50_000_000);
  let longest = 0;
  for (let round = 1; round <= 5; round++) {
    await b.finish(specOf('quiet'), 'echo here');
    const began = performance.now();
    await waitFor('the quiet one', () => b.read('quiet').length === 5 * round);
    longest = Math.max(longest, performance.now() - began);
  }
  // Two cores for ten floods and all other tests; without turns it would be as long as the floods last.
  assert.ok(longest < 1_000, `a line took ${longest} ms`);
});

test('what waits in the FIFO when opsd ends is read by the next one', async () => {
  await using first = await bench();
  first.outputs.prepare([specOf('web')]);
  const child = first.run(
    specOf('web'),
    `echo one; while [ ! -e ${first.path}/go ]; do sleep 0.01; done; echo two; touch ${first.path}/done; sleep 60`,
  );
  await waitFor('the first line', () => first.read('web') === 'one\n');
  await first.outputs[Symbol.asyncDispose]();
  writeFileSync(join(first.path, 'go'), '');
  await waitFor('the second line to be written', () => existsSync(join(first.path, 'done')));
  assert.equal(first.read('web'), 'one\n');

  await using second = await bench({ runDir: join(first.path, 'run'), logDir: join(first.path, 'log') });
  second.outputs.prepare([specOf('web')]);
  await waitFor('the second line', () => first.read('web') === 'one\ntwo\n');
  assert.equal(child.exitCode, null);
});

test('a FIFO of a service that is gone is read on while somebody holds it, and removed when nobody does', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('held'), specOf('free')]);
  const child = b.run(specOf('held'), `while [ ! -e ${b.path}/go ]; do sleep 0.01; done; echo still here; sleep 60`);
  await b.outputs[Symbol.asyncDispose]();

  await using next = await bench({ runDir: join(b.path, 'run'), logDir: join(b.path, 'log') });
  next.outputs.prepare([]);
  assert.equal(existsSync(join(b.path, 'run/fifo/free')), false);
  writeFileSync(join(b.path, 'go'), '');
  await waitFor('its line', () => b.read('held') === 'still here\n');
  assert.equal(child.exitCode, null);
  next.outputs.settings('held', null);
  assert.equal(existsSync(join(b.path, 'run/fifo/held')), false);
});

test('the last 50 lines are at hand, from before a rotation too, and a long one is cut', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  assert.deepEqual(b.outputs.lastLines('web'), []);
  await b.finish(specOf('web'), "seq 1 100; head -c 10000 /dev/zero | tr '\\0' y; printf '\\npartial'");
  await waitFor('all', () => b.read('web').endsWith('partial'));
  const lines = b.outputs.lastLines('web');
  assert.equal(lines.length, 50);
  assert.deepEqual([lines[0], lines[47], lines[48], lines[49]], ['53', '100', 'y'.repeat(4096), 'partial']);
  await b.finish(specOf('web'), `mv ${b.logOf('web')} ${b.logOf('web')}.1`);
  b.outputs.reopenAll();
  await b.finish(specOf('web'), 'echo new');
  await waitFor('the new file', () => b.read('web').endsWith('new\n'));
  assert.equal(b.outputs.lastLines('web').length, 50);
  assert.equal(b.outputs.lastLines('web').at(-1), 'new');
});
