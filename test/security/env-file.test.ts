// What a service's user puts in the place of an env_file gives that service nothing that this user could not read.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Place, prepareOpsd, startOpsd } from '../support/opsd.ts';
import { mallory, needsRoot, type User, victim } from '../support/second-user.ts';
import { procFile } from '../support/survivors.ts';

const root: User = { name: 'root', uid: 0, gid: 0 };
const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());

/** A service of mallory in a folder of his own, with `home/web.env` as its env_file. */
async function place(
  user = `user = "${mallory.name}"`,
): Promise<Place & { readonly home: string; readonly env: string }> {
  const made = stack.use(
    await prepareOpsd({
      config: `[services.web]\ncommand = ["/bin/true"]\nenabled = false\n${user}\ncwd = "home"\nenv_file = "web.env"\n`,
    }),
  );
  chmodSync(made.dir, 0o755);
  const home = folder(join(made.dir, 'home'), mallory, 0o755);
  return { ...made, home, env: join(home, 'web.env') };
}

function folder(path: string, { uid, gid }: User, mode: number): string {
  mkdirSync(path);
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return path;
}

function file(path: string, { uid, gid }: User, mode: number, text = 'SECRET=of-the-victim\n'): string {
  writeFileSync(path, text);
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return path;
}

const explain = async (p: Place) => {
  const { stdout, stderr, code } = await p.opsd('config', '--explain');
  return { code, text: `${stdout}${stderr}` };
};

async function refused(p: Place, why: RegExp): Promise<void> {
  const { code, stdout, stderr } = await p.opsd('check');
  assert.equal(code, 1, `${stdout}${stderr}`);
  assert.match(`${stdout}${stderr}`, why);
  assert.doesNotMatch((await explain(p)).text, /SECRET/);
}

async function accepted(p: Place): Promise<void> {
  const { code, text } = await explain(p);
  assert.equal(code, 0, text);
  assert.match(text, /SECRET/);
}

test("a file of the service's own user is fine, and a link of his own to it", { skip: needsRoot }, async () => {
  const p = await place();
  file(p.env, mallory, 0o600);
  await accepted(p);
  rmSync(p.env);
  file(join(p.home, 'real.env'), mallory, 0o600);
  symlinkSync('real.env', p.env);
  await accepted(p);
});

test("root's file is fine where the service's user may read it, by his group too", { skip: needsRoot }, async () => {
  const p = await place();
  file(p.env, root, 0o644);
  await accepted(p);
  chmodSync(p.env, 0o640);
  await refused(p, /may not be read by user nobody/);
  chownSync(p.env, 0, mallory.gid);
  await accepted(p);
});

test('a link to a file that only another user can read gives nothing', { skip: needsRoot }, async () => {
  const p = await place();
  const home = folder(join(p.dir, 'victim'), victim, 0o755);
  symlinkSync(file(join(home, 'secret'), victim, 0o600), p.env);
  await refused(p, /web\.env.*(belongs to|symbolic link)/);
});

test("a link to root's own file gives nothing", { skip: needsRoot }, async () => {
  const p = await place();
  symlinkSync(file(join(p.dir, 'secret'), root, 0o600), p.env);
  await refused(p, /may not be read by user nobody/);
});

test('a link into a folder that the user cannot enter gives nothing, whatever the file allows', {
  skip: needsRoot,
}, async () => {
  const p = await place();
  const closed = folder(join(p.dir, 'closed'), root, 0o700);
  symlinkSync(file(join(closed, 'secret'), root, 0o644), p.env);
  await refused(p, /may not be read by user nobody/);
});

test('a folder in the middle of the way that is a link of somebody else is not followed', {
  skip: needsRoot,
}, async () => {
  const p = await place();
  const theirs = folder(join(p.dir, 'theirs'), victim, 0o755);
  folder(join(p.dir, 'real'), mallory, 0o755);
  file(join(p.dir, 'real/web.env'), mallory, 0o600);
  symlinkSync('../real', join(theirs, 'way'));
  await p.configure(
    `[services.web]\ncommand = ["/bin/true"]\nenabled = false\nuser = "${mallory.name}"\ncwd = "home"\nenv_file = "${join(theirs, 'way/web.env')}"\n`,
  );
  await refused(p, /theirs is on a way with symbolic links, and belongs to user 5/);
});

test('a hard link to the file of another user, and what others may write, are refused', {
  skip: needsRoot,
}, async () => {
  const p = await place();
  linkSync(file(join(p.dir, 'secret'), victim, 0o644), p.env);
  await refused(p, /belongs to user 5/);
  rmSync(p.env);
  file(p.env, mallory, 0o666);
  await refused(p, /chmod o-w/);
});

test('magic links of /proc are not followed', { skip: needsRoot }, async () => {
  const p = await place();
  const holder = spawn('setpriv', [
    `--reuid=${mallory.uid}`,
    `--regid=${mallory.gid}`,
    '--clear-groups',
    'sleep',
    '60',
  ]);
  try {
    await once(holder, 'spawn');
    symlinkSync(`/proc/${holder.pid}/root${file(join(p.dir, 'open.env'), root, 0o644)}`, p.env);
    await refused(p, /\/proc/);
  } finally {
    holder.kill('SIGKILL');
  }
});

test('an ACL counts: what it grants, and what it takes that the mode seems to grant', { skip: needsRoot }, async () => {
  const p = await place();
  file(p.env, root, 0o600);
  const setAcl = (...what: string[]) => execFileSync('setfacl', [...what, p.env]);
  setAcl('--modify', `user:${mallory.uid}:r`);
  await accepted(p);
  // The group bits of the mode are the mask now: they read r--, and the group has nothing.
  setAcl('--remove-all');
  chownSync(p.env, 0, mallory.gid);
  setAcl('--modify', `group::-,user:${victim.uid}:r`);
  await refused(p, /may not be read by user nobody/);
});

test('a FIFO, a folder, a device: refused at once, and never opened', { skip: needsRoot }, async () => {
  for (const make of [
    ['mkfifo', 'web.env'],
    ['mkdir', 'web.env'],
    ['mknod', 'web.env', 'c', '1', '7'],
  ] as const) {
    const p = await place();
    const child = spawn(make[0], make.slice(1), { cwd: p.home });
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    chownSync(p.env, mallory.uid, mallory.gid);
    await refused(p, /is no regular file|is a directory/);
  }
});

test('a link to a terminal of the user does not become the terminal of opsd', { skip: needsRoot }, async () => {
  const config = `[services.web]\ncommand = ["/bin/true"]\nenabled = false\nuser = "${mallory.name}"\ncwd = "home"\nenv_file = "web.env"\n`;
  // As systemd starts it: the leader of a session without a terminal.
  await using opsd = await startOpsd({ config: '', through: ['setsid'] });
  chmodSync(opsd.dir, 0o755);
  // It belongs to no session yet: the first leader of one who opens it without O_NOCTTY gets it.
  const terminals = `
    use Fcntl; $| = 1; my $unlock = my $number = pack("i", 0);
    sysopen(my $master, "/dev/ptmx", O_RDWR | O_NOCTTY) or die; ioctl($master, 0x40045431, $unlock) or die;
    ioctl($master, 0x80045430, $number) or die; print "/dev/pts/", unpack("i", $number), "\\n"; sleep 60;`;
  const ids = [`--reuid=${mallory.uid}`, `--regid=${mallory.gid}`, '--clear-groups'];
  const script = spawn('setpriv', [...ids, 'perl', '-e', terminals], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = await once(script.stdout, 'data');
    const terminal = String(line).trim();
    assert.match(terminal, /^\/dev\/pts\/\d+$/);
    assert.equal(statSync(terminal).uid, mallory.uid);
    symlinkSync(terminal, join(folder(join(opsd.dir, 'home'), mallory, 0o755), 'web.env'));
    await opsd.configure(config);
    const { body } = await opsd.reload();
    assert.match(JSON.stringify(JSON.parse(body).host_problems), /services\.web\.env_file/);
    const [, , , , terminalNumber] = procFile(opsd.daemon.pid, 'stat')
      .replace(/^.*\) /, '')
      .split(' ');
    assert.equal(terminalNumber, '0');
  } finally {
    script.kill('SIGKILL');
  }
});

test('as an ordinary user, opsd reads what this user can read, and nothing waits', async () => {
  const p = await place('');
  if (needsRoot === false) chownSync(p.home, 0, 0);
  writeFileSync(p.env, 'SECRET=x\n', { mode: 0o600 });
  await accepted(p);
});
