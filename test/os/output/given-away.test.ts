// Services that change owner and mode of their output, as container images do: the next opsd knows its own FIFOs all the same.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { waitFor } from '../../support/wait.ts';
import { type Bench, bench, specOf } from './outputs.ts';

const us = process.geteuid?.() ?? 0;
const needsRoot = us === 0 ? false : 'giving files to others takes root';
const NOBODY = 65_534;

const fifoOf = (b: Bench): string => join(b.path, 'run/fifo/web');
const bookOf = (b: Bench): string => join(b.path, 'run/opsd.fifos.json');

/** Ends the outputs of `b`, as an opsd that goes, and gives those of the next one. */
async function nextOf(b: Bench, uid = us): Promise<Bench> {
  await b.outputs[Symbol.asyncDispose]();
  return await bench({ runDir: join(b.path, 'run'), logDir: join(b.path, 'log'), uidOf: () => uid });
}

for (const [what, root] of [
  ['chmod 666', false],
  ['chmod 000', false],
  ['chown nobody', true],
] as const) {
  test(`${what} /dev/stdout: the next opsd reads on, and the service can start again`, {
    skip: root && needsRoot,
  }, async () => {
    await using b = await bench();
    b.outputs.prepare([specOf('web')]);
    const script = `${what} /dev/stdout; echo one; until test -e ${b.path}/go; do sleep 0.01; done; echo two`;
    const service = b.run(specOf('web'), `${script}; exec sleep 60`);
    await waitFor('the first line', () => b.read('web') === 'one\n');
    const before = lstatSync(fifoOf(b));

    await using next = await nextOf(b);
    next.outputs.prepare([specOf('web')]);
    writeFileSync(join(b.path, 'go'), '');
    await waitFor('the second line', () => b.read('web') === 'one\ntwo\n');
    const during = lstatSync(fifoOf(b));
    if (what !== 'chmod 000')
      assert.deepEqual([during.uid, during.mode], [before.uid, before.mode], 'while it may be in use so');

    service.kill('SIGKILL');
    await once(service, 'exit');
    assert.equal(await next.finish(specOf('web'), 'echo three > /dev/stdout'), 0);
    await waitFor('the third line', () => b.read('web') === 'one\ntwo\nthree\n');
    const after = lstatSync(fifoOf(b));
    assert.deepEqual([after.ino, after.uid, after.mode & 0o7777], [before.ino, us, 0o600]);
    assert.deepEqual([...b.log.lines, ...next.log.lines], []);
  });
}

test('the same opsd gives a FIFO that a service gave away back to its user', { skip: needsRoot }, async () => {
  await using b = await bench({ uidOf: () => NOBODY });
  const as = 'exec setpriv --reuid=65534 --clear-groups';
  await b.finish(specOf('web'), `${as} sh -c "echo one > /dev/stdout; chmod 000 /dev/stdout"`);
  assert.equal(await b.finish(specOf('web'), `${as} sh -c "echo two > /dev/stdout"`), 0);
  await waitFor('both lines', () => b.read('web') === 'one\ntwo\n');
});

test('a FIFO that somebody else put in the place of one of ours is refused and left as it is', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  await using next = await nextOf(b);
  rmSync(fifoOf(b));
  spawnSync('mkfifo', ['-m', '666', fifoOf(b)]);
  const before = lstatSync(fifoOf(b));
  next.outputs.prepare([specOf('web')]);
  assert.match(
    next.log.lines.join('\n'),
    /^ERROR the output FIFO .*its mode lets others than its owner use it; remove it.*$/,
  );
  const after = lstatSync(fifoOf(b));
  assert.deepEqual([after.ino, after.mode], [before.ino, before.mode]);
});

test('a FIFO that was removed is made anew at the next start, so that the next opsd finds it', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  await b.finish(specOf('web'), 'echo one');
  rmSync(join(b.path, 'run/fifo'), { recursive: true });
  b.run(specOf('web'), `echo two; until test -e ${b.path}/go; do sleep 0.01; done; echo three; exec sleep 60`);
  await waitFor('the second line', () => b.read('web') === 'one\ntwo\n');
  await using next = await nextOf(b);
  next.outputs.prepare([specOf('web')]);
  writeFileSync(join(b.path, 'go'), '');
  await waitFor('the third line', () => b.read('web') === 'one\ntwo\nthree\n');
});

test('what somebody put in the place of a FIFO in use is refused at the next start, and not removed', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  rmSync(fifoOf(b));
  writeFileSync(fifoOf(b), 'precious');
  assert.throws(() => b.outputs.open(specOf('web')), { message: /it is not a FIFO; remove it/ });
  b.outputs.settings('web', null);
  assert.equal(readFileSync(fifoOf(b), 'utf8'), 'precious');
});

test('a service that got another user while no opsd ran is read to the end, and gets another FIFO at its start', {
  skip: needsRoot,
}, async () => {
  await using b = await bench({ uidOf: () => NOBODY });
  const old = b.run(specOf('web'), 'echo one; exec sleep 60');
  await waitFor('the first line', () => b.read('web') === 'one\n');
  const { ino } = lstatSync(fifoOf(b));
  await using next = await nextOf(b, us);
  next.outputs.prepare([specOf('web')]);
  assert.equal(lstatSync(fifoOf(b)).ino, ino);
  old.kill('SIGKILL');
  await once(old, 'exit');
  await next.finish(specOf('web'), 'echo two > /dev/stdout');
  await waitFor('the second line', () => b.read('web') === 'one\ntwo\n');
  assert.equal(lstatSync(fifoOf(b)).uid, us);
  assert.deepEqual(next.log.lines, []);
});

const isOf = (b: Bench): number => statSync(b.logOf('web')).uid;

test('direct: a log that a service gave away is its user’s again at the next start', { skip: needsRoot }, async () => {
  let uid = us;
  await using b = await bench({ uidOf: () => uid });
  const web = specOf('web', 'direct');
  await b.finish(web, 'echo one; chown 4711 /dev/stdout');
  assert.equal(isOf(b), 4711);
  await b.finish(web, 'echo two');
  assert.deepEqual([b.read('web'), isOf(b)], ['one\ntwo\n', us]);
  uid = NOBODY;
  const as = 'exec setpriv --reuid=65534 --clear-groups sh -c';
  await b.finish(web, `${as} "chmod 000 /dev/stdout"`);
  assert.equal(await b.finish(web, `${as} "echo three >> /dev/stdout"`), 0);
  assert.deepEqual([b.read('web'), isOf(b)], ['one\ntwo\nthree\n', NOBODY]);
});

for (const [what, play, message] of [
  [
    'that has another name, too',
    (b: Bench) => linkSync(b.logOf('web'), join(b.path, 'also')),
    /it belongs to uid 4711; remove it/,
  ],
  [
    'in a folder that a group can write',
    (b: Bench) => chmodSync(join(b.path, 'log'), 0o775),
    /chmod \+t \S+log, or chmod go-w/,
  ],
  [
    'in a sticky folder that a group can write',
    (b: Bench) => chmodSync(join(b.path, 'log'), 0o1775),
    /it belongs to uid 4711, neither .*; remove it/,
  ],
  [
    'in a folder of somebody else',
    (b: Bench) => chownSync(join(b.path, 'log'), NOBODY, NOBODY),
    /log belongs to uid \d+, who could put/,
  ],
] as const) {
  test(`direct: a log of somebody else ${what} is refused and left as it is`, { skip: needsRoot }, async () => {
    await using b = await bench();
    writeFileSync(b.logOf('web'), 'theirs\n');
    chownSync(b.logOf('web'), 4711, 4711);
    play(b);
    assert.throws(() => b.outputs.open(specOf('web', 'direct')), {
      name: 'RuntimeError',
      message,
    });
    assert.deepEqual([b.read('web'), isOf(b)], ['theirs\n', 4711]);
  });
}

const DAMAGES: readonly { readonly what: string; readonly root?: true; damage(book: string, b: Bench): void }[] = [
  { what: 'garbage', damage: (book) => writeFileSync(book, '\0{"version":') },
  { what: 'something else', damage: (book) => writeFileSync(book, '[{"web": 1}]') },
  { what: 'entries without sense', damage: (book) => writeFileSync(book, '{"version":1,"fifos":{"web":{"ino":1}}}') },
  { what: 'gone', damage: (book) => rmSync(book) },
  { what: 'a list that others can write', damage: (book) => chmodSync(book, 0o622) },
  { what: 'a list of somebody else', root: true, damage: (book) => chownSync(book, NOBODY, NOBODY) },
  {
    what: 'a symlink',
    damage(book, b) {
      renameSync(book, join(b.path, 'elsewhere'));
      symlinkSync(join(b.path, 'elsewhere'), book);
    },
  },
  { what: 'a list without end', damage: (book) => writeFileSync(book, Buffer.alloc((16 << 20) + 1, ' ')) },
];

for (const { what, root, damage } of DAMAGES) {
  test(`the list of FIFOs is ${what}: no more is lost than what it knew`, { skip: root && needsRoot }, async () => {
    await using b = await bench();
    b.outputs.prepare([specOf('web'), specOf('other')]);
    await b.finish(specOf('web'), 'chmod 666 /dev/stdout');
    await b.outputs[Symbol.asyncDispose]();
    damage(bookOf(b), b);
    const elsewhere = join(b.path, 'elsewhere');
    const untouched = existsSync(elsewhere) && readFileSync(elsewhere, 'utf8');
    await using last = await nextOf(b);
    last.outputs.prepare([specOf('web'), specOf('other')]);
    const errors = last.log.lines.filter((line) => line.startsWith('ERROR'));
    assert.match(
      errors.join('\n'),
      /^ERROR the output FIFO \S+\/web cannot be used: its mode lets others than its owner.*$/,
    );
    assert.equal(lstatSync(fifoOf(b)).mode & 0o777, 0o666);
    await last.finish(specOf('other'), 'echo fine');
    await waitFor('the other', () => b.read('other') === 'fine\n');
    assert.equal(existsSync(elsewhere) && readFileSync(elsewhere, 'utf8'), untouched);
    const book = lstatSync(bookOf(b));
    assert.deepEqual([book.isFile(), book.uid, book.mode & 0o777], [true, us, 0o600], 'it is a list again');
  });
}

test('a thousand FIFOs are written down at once, and not again while nothing changes', async () => {
  await using b = await bench();
  const specs = Array.from({ length: 1000 }, (_, index) => specOf(`web${index}`));
  b.outputs.prepare(specs);
  const { ino } = statSync(bookOf(b));
  for (const spec of specs) b.outputs.open(spec).close();
  b.outputs.prepare(specs);
  assert.equal(statSync(bookOf(b)).ino, ino);
  assert.equal(Object.keys(JSON.parse(readFileSync(bookOf(b), 'utf8')).fifos).length, 1000);
  await using next = await nextOf(b);
  next.outputs.prepare(specs.slice(0, 10));
  assert.equal(Object.keys(JSON.parse(readFileSync(bookOf(b), 'utf8')).fifos).length, 10);
});
