// The directories of opsd: made with the right modes, refused with one line when somebody else could use them.

import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  beginHeartbeat,
  doubtOnFolder,
  type Layout,
  layoutOf,
  prepareDirectories,
  withoutLink,
} from '../../../src/os/files/run-dir.ts';
import { scratch } from '../../support/scratch.ts';

const needsRoot = process.geteuid?.() === 0 ? false : 'takes root';

async function place() {
  const folder = await scratch();
  const layout = layoutOf(join(folder.path, 'srv'), join(folder.path, 'work/log'));
  return { path: folder.path, layout, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const DIRECTORIES: readonly (readonly [keyof Layout, string])[] = [
  ['run', '0755'],
  ['fifo', '0700'],
  ['key', '0700'],
  ['data', '0750'],
  ['log', '0755'],
];

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8).padStart(4, '0');

test('what is missing is made, whatever the umask; what is there and fine is left as it is', async () => {
  await using p = await place();
  const umask = process.umask(0o077);
  try {
    prepareDirectories(p.layout);
  } finally {
    process.umask(umask);
  }
  for (const [name, mode] of DIRECTORIES) assert.equal(modeOf(p.layout[name]), mode, name);
  chmodSync(p.layout.run, 0o700);
  chmodSync(p.layout.log, 0o3770);
  prepareDirectories(p.layout);
  assert.deepEqual([modeOf(p.layout.run), modeOf(p.layout.log)], ['0700', '3770']);
});

for (const [name] of DIRECTORIES) {
  test(`${name}: a symlink, a file, a folder that others can write are refused and left as they are`, async () => {
    await using p = await place();
    prepareDirectories(p.layout);
    const path = p.layout[name];
    const refuses = (says: RegExp): void =>
      assert.throws(
        () => prepareDirectories(p.layout),
        (error: Error) => {
          assert.equal(error.name, 'RuntimeError');
          assert.ok(error.message.startsWith(path), error.message);
          assert.match(error.message, says);
          return !error.message.includes('\n');
        },
      );
    chmodSync(path, 0o777);
    refuses(/has mode 0777.*chmod 07/);
    assert.equal(modeOf(path), '0777');
    chmodSync(path, 0o1777);
    refuses(/has mode 1777/);

    rmSync(path, { recursive: true });
    const elsewhere = join(p.path, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, path);
    refuses(/is a symlink/);
    assert.deepEqual(readdirSync(elsewhere), []);

    rmSync(path);
    writeFileSync(path, 'precious');
    refuses(/is not a directory: remove it/);
    assert.equal(readFileSync(path, 'utf8'), 'precious');
  });
}

test('a directory of somebody else is refused', { skip: needsRoot }, async () => {
  await using p = await place();
  prepareDirectories(p.layout);
  chownSync(p.layout.run, 65534, 65534);
  assert.throws(() => prepareDirectories(p.layout), {
    name: 'RuntimeError',
    message: /run belongs to uid 65534, and opsd runs as uid 0: chown 0/,
  });
});

test('PREFIX itself: refused where others could rename what is in it, before anything is made there', async () => {
  await using p = await place();
  const { prefix } = p.layout;
  mkdirSync(prefix);
  const refused = (says: RegExp) =>
    assert.throws(() => prepareDirectories(p.layout), { name: 'RuntimeError', message: says });
  for (const mode of [0o777, 0o775, 0o757]) {
    chmodSync(prefix, mode);
    refused(new RegExp(`^PREFIX ${prefix} has mode 0${mode.toString(8)}: .*; chmod go-w ${prefix}$`));
  }
  const link = join(p.path, 'link');
  symlinkSync(prefix, link);
  assert.throws(() => prepareDirectories({ ...p.layout, prefix: link }), /has mode 0757/);
  assert.deepEqual(readdirSync(prefix), []);
  for (const mode of [0o1777, 0o755, 0o700]) {
    chmodSync(prefix, mode);
    prepareDirectories(p.layout);
  }
  prepareDirectories({ ...p.layout, prefix: link });
});

test('PREFIX of somebody else is refused, that of root is not', { skip: needsRoot }, async () => {
  await using p = await place();
  mkdirSync(p.layout.prefix);
  chownSync(p.layout.prefix, 65534, 65534);
  assert.throws(() => prepareDirectories(p.layout), {
    name: 'RuntimeError',
    message: /^PREFIX \S+ belongs to uid 65534, and opsd runs as uid 0: .*; chown 0 \S+$/,
  });
  chownSync(p.layout.prefix, 0, 65534);
  prepareDirectories(p.layout);
  chmodSync(p.layout.prefix, 0o755);
  for (const folder of [p.layout.run, p.layout.fifo, p.layout.key, p.layout.data, p.layout.log])
    chownSync(folder, 65534, 65534);
  chmodSync(p.path, 0o755);
  process.seteuid?.(65534);
  try {
    prepareDirectories(p.layout);
  } finally {
    process.seteuid?.(0);
  }
});

test('a place where nothing can be made says so', async () => {
  await using p = await place();
  writeFileSync(join(p.path, 'srv'), 'a file where PREFIX should be');
  assert.throws(() => prepareDirectories(p.layout), {
    name: 'RuntimeError',
    message: /cannot make the directory .*run/,
  });
});

test('where the kernel makes no directories that is said at once (Node’s own recursive mkdir never returns)', async () => {
  await using p = await place();
  assert.throws(() => prepareDirectories({ ...p.layout, log: '/proc/opsd/log' }), {
    message: /^cannot make the directory \/proc\/opsd\/log \(ENOENT\): set PREFIX \(or daemon\.log_dir\) to a place /,
  });
});

test('a log folder through a link of root or opsd is taken, check agrees, and another link is refused with what helps', async () => {
  await using p = await place();
  const real = join(p.path, 'disk/log');
  const link = join(p.path, 'link');
  mkdirSync(real, { recursive: true });
  symlinkSync(real, link);
  assert.equal(doubtOnFolder(link), null);
  assert.equal(withoutLink(link), real);
  prepareDirectories({ ...p.layout, log: withoutLink(link) });
  // A link in front of the folder, and none at all.
  symlinkSync(join(p.path, 'disk'), join(p.path, 'volume'));
  assert.equal(doubtOnFolder(join(p.path, 'volume/log')), null);
  prepareDirectories({ ...p.layout, log: withoutLink(join(p.path, 'volume/log')) });
  assert.equal(withoutLink(join(p.path, 'nothing')), join(p.path, 'nothing'));
  const lost = join(p.path, 'lost');
  symlinkSync('nowhere', lost);
  const says = /lost is a symbolic link that leads nowhere: make the folder it leads to/;
  assert.match(doubtOnFolder(lost) ?? '', says);
  assert.throws(() => withoutLink(lost), says);
  chmodSync(real, 0o777);
  const open = /others than opsd can use it: chmod 0775/;
  assert.match(doubtOnFolder(link) ?? '', open);
  assert.throws(() => withoutLink(link), open);
});

test('a link of somebody else to a log folder is refused with what helps', { skip: needsRoot }, async () => {
  await using p = await place();
  const link = join(p.path, 'link');
  mkdirSync(join(p.path, 'log'));
  symlinkSync('log', link);
  lchownSync(link, 65534, 65534);
  const says = /link belongs to user 65534, .*; chown -h root \S+link$/;
  assert.match(doubtOnFolder(link) ?? '', says);
  assert.throws(() => withoutLink(link), says);
});

test('the heartbeat of opsd itself: made, or what hinders it and the key that says where', async () => {
  await using p = await place();
  const file = join(p.path, 'tmp/opsd.heartbeat');
  assert.equal(beginHeartbeat(file, new Date(0)), null);
  assert.equal(beginHeartbeat(file, new Date(0)), null);
  assert.equal(statSync(file).mtimeMs, 0);
  chmodSync(join(p.path, 'tmp'), 0o777);
  assert.match(
    beginHeartbeat(file, new Date(0)) ?? '',
    /others than opsd can use it.*daemon\.heartbeat_file says where/,
  );
  writeFileSync(join(p.path, 'plain'), '');
  assert.match(beginHeartbeat(join(p.path, 'plain/beat'), new Date(0)) ?? '', /plain is not a directory/);
  assert.match(
    beginHeartbeat('/proc/opsd/beat', new Date(0)) ?? '',
    /\/proc\/opsd\/beat cannot be written \(ENOENT\); daemon/,
  );
});
