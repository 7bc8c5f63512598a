// Nothing of a service acts before its rights are given up: neither its environment nor its folder, with a real second user.

import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { accountOf } from '../../src/os/spawn/accounts.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import { scratch } from '../support/scratch.ts';
import { procFile } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const asRoot = process.getuid?.() === 0 ? {} : { skip: 'only root can become somebody else' };

/** Two users that every Debian has: the one whose services these are, and another one. */
const MAL = 'nobody';
const VIC = 'daemon';

/** A folder that everybody can reach, with a home of each. */
async function homes() {
  const folder = await scratch();
  chmodSync(folder.path, 0o755);
  const home = (user: string, mode: number) => {
    const path = join(folder.path, user);
    mkdirSync(path, { mode });
    const account = accountOf(user, systemClock.now());
    assert.ok(account);
    chownSync(path, account.uid, account.gid);
    return path;
  };
  return {
    mal: home(MAL, 0o755),
    vic: home(VIC, 0o700),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function owned(path: string, text: string, mode = 0o644): string {
  writeFileSync(path, text, { mode });
  const account = accountOf(MAL, systemClock.now());
  assert.ok(account);
  chownSync(path, account.uid, account.gid);
  return path;
}

/** Files that were made in a folder by somebody else than its owner. */
function madeByOthers(folder: string): string[] {
  const { uid } = statSync(folder);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => statSync(join(folder, path)).uid !== uid,
  );
}

/** What the loader, the C library and the shells of this host obey, each leaving a trace where it does. */
function evilEnvironment(mal: string): Readonly<Record<string, string>> {
  mkdirSync(join(mal, 'lib'));
  chownSync(join(mal, 'lib'), statSync(mal).uid, -1);
  // setpriv(1) is linked with it, the services are not.
  owned(join(mal, 'lib', 'libcap-ng.so.0'), 'no library');
  const script = owned(join(mal, 'evil.sh'), `echo "$$ $0" >> ${mal}/shells\n`);
  return {
    LD_PRELOAD: 'libpcprofile.so',
    LD_AUDIT: 'libpcprofile.so',
    PCPROFILE_OUTPUT: join(mal, 'preloaded'),
    LD_LIBRARY_PATH: join(mal, 'lib'),
    LD_DEBUG: 'files',
    LD_DEBUG_OUTPUT: join(mal, 'trace'),
    GLIBC_TUNABLES: 'glibc.malloc.check=3',
    GCONV_PATH: mal,
    LOCPATH: mal,
    MALLOC_TRACE: join(mal, 'malloc'),
    PERL5OPT: '-Mevil',
    PERL5LIB: mal,
    BASH_ENV: script,
    ENV: script,
    SHELLOPTS: 'xtrace',
    PS4: `$(id -u > ${mal}/traced)`,
    PATH: `${mal}:/usr/bin:/bin`,
    IFS: '/',
    CDPATH: mal,
  };
}

const WISHES = `umask = "027"
nice = 3
oom_score_adj = 100
ionice = "best-effort:6"
limits = { nofile = 200, core = "0" }
`;

for (const [way, env] of [
  ['posix_spawn', {}],
  ['execa', { NODE_OPTIONS: '--no-experimental-ffi' }],
] as const) {
  describe(`with ${way}`, asRoot, () => {
    test('what a service has in its environment is obeyed by nothing that runs as root', async () => {
      await using home = await homes();
      const variables = evilEnvironment(home.mal);
      owned(
        join(home.mal, 'web.env'),
        Object.entries(variables)
          .map((pair) => `${pair.join('=')}\n`)
          .join(''),
      );
      for (const tool of ['sh', 'setpriv', 'sleep', 'true', 'nice'])
        owned(join(home.mal, tool), `#!/bin/sh\nid -u >> ${home.mal}/tools\nexec /usr/bin/${tool} "$@"\n`, 0o755);
      await using opsd = await startOpsd({
        env,
        config: `[defaults]
user = "${MAL}"
cwd = "/"
env_file = "${home.mal}/web.env"
[services.web]
command = ["sleep", "1000"]
before_start = ["true"]
after_stop = ["true"]
ready = { on = "exec", command = ["true"] }
health = { exec = ["true"], interval = "100ms" }
[services.odd]
command = ["sleep", "1000"]
env = { "BASH_FUNC_sleep%%" = "() { id -u > ${home.mal}/function; }", "a.b" = "c" }
[services.limited]
command = ["sleep", "1000"]
${WISHES}
[services.wrapped]
command = ["sleep", "1000"]
wrapper = ["nice", "-n", "1"]
[services.many]
command = ["sleep", "1000"]
instances = 2
`,
      });
      for (const service of ['web', 'odd', 'limited', 'wrapped', 'many@1', 'many@2']) {
        const { pid } = await opsd.until(service, 'running');
        const status = () => procFile(pid ?? 0, 'status');
        await waitFor(`${service} to be what it is to be`, () => /^Name:\tsleep$/m.test(status()));
        assert.match(status(), new RegExp(`^Uid:\t${accountOf(MAL, systemClock.now())?.uid}\t`, 'm'));
      }
      await opsd.until('web', ({ healthy }) => healthy === true);
      await opsd.stop();
      assert.deepEqual(madeByOthers(home.mal), []);
      const traces = readdirSync(home.mal).filter((name) => name.startsWith('trace.'));
      assert.ok(traces.length >= 8, `they did come into force for the services: ${traces.length}`);
      for (const trace of traces)
        assert.doesNotMatch(readFileSync(join(home.mal, trace), 'utf8'), /setpriv|prlimit|ionice|libcap-ng/);
    });

    test('a folder is entered with the rights of the user, and what that user may not is said', async () => {
      await using home = await homes();
      mkdirSync(join(home.vic, 'pub'));
      symlinkSync(join(home.vic, 'pub'), join(home.mal, 'current'));
      const failed = async (opsd: Opsd, service: string, reason: RegExp) => {
        await opsd.until(service, 'failed');
        const { stdout } = await opsd.ctl('why', service);
        assert.match(stdout.replaceAll(/\s+/g, ' '), reason);
      };
      writeFileSync(join(home.vic, 'tool'), '#!/bin/sh\nsleep 1000\n', { mode: 0o700 });
      owned(join(home.mal, 'script'), `#!${home.vic}/tool\n`, 0o755);
      await using opsd = await startOpsd({
        env,
        config: `[defaults]
user = "${MAL}"
cwd = "/"
command = ["sleep", "1000"]
[services.home]
cwd = "${home.mal}"
[services.linked]
cwd = "${home.mal}/current"
[services.proc]
cwd = "/proc/${process.pid}/root"
[services.closed]
command = ["${home.vic}/tool"]
[services.searched]
command = ["tool"]
env = { PATH = "/usr/bin:/bin:${home.vic}" }
[services.script]
command = ["${home.mal}/script"]
[services.hooked]
before_start = ["${home.vic}/tool"]
[services.wrapped]
wrapper = ["${home.vic}/tool"]
[services.missing]
command = ["sh", "-c", "exit 127"]
backoff = { initial = "1h", max = "1h" }
`,
      });
      await failed(opsd, 'linked', /user nobody may not enter the working directory \S+\/current: let that user pass/);
      await failed(opsd, 'proc', /user nobody may not enter the working directory \/proc\/\d+\/root/);
      await failed(opsd, 'closed', /command \S+\/tool: user nobody may not execute it: let that user/);
      await failed(opsd, 'searched', /command tool: user nobody may execute none in PATH/);
      await failed(opsd, 'script', /user nobody may not execute its interpreter \S+\/tool/);
      await failed(opsd, 'hooked', /before_start .*\/tool.*: user nobody may not execute it/);
      await failed(opsd, 'wrapped', /command \S+\/tool: user nobody may not execute it/);
      const home_ = await opsd.until('home', 'running');
      await waitFor('its folder', () => statSync(`/proc/${home_.pid}/cwd`).ino === statSync(home.mal).ino);
      // An exit code as of a landing, and yet its own.
      const missing = await opsd.until('missing', 'backoff');
      assert.equal(missing.exit?.code, 127);
    });

    test('killed in the middle of the chain, opsd finds again what it began', async () => {
      await using home = await homes();
      await using opsd = await startOpsd({
        env,
        config: `[services.web]
command = ["sleep", "1000"]
user = "${MAL}"
cwd = "${home.mal}"
backoff = { initial = "1ms", max = "1ms" }
${WISHES}`,
      });
      let { pid: last } = await opsd.until('web', 'running');
      for (let round = 0; round < 4; round += 1) {
        process.kill(last ?? 0, 'SIGKILL');
        const pid = await waitFor('the next process', () => opsd.alive('web').find((one) => one !== last));
        process.kill(pid, 'SIGSTOP');
        await opsd.crash();
        assert.deepEqual(opsd.alive('web'), [pid], 'the marker is there from the first moment on');
        await opsd.restart();
        process.kill(pid, 'SIGCONT');
        const view = await opsd.until('web', 'running');
        assert.deepEqual([view.pid, view.adopted], [pid, true]);
        await waitFor('the service', () => /^Name:\tsleep$/m.test(procFile(pid, 'status')));
        last = pid;
      }
      await opsd.stop();
    });
  });
}

test('nobody else sees the environment of a service on its way', asRoot, async () => {
  await using home = await homes();
  await using opsd = await startOpsd({
    config: `[services.web]
command = ["sleep", "1000"]
user = "${MAL}"
cwd = "${home.mal}"
env = { TOKEN = "only-the-service-knows", "a.b" = "only-the-service-knows" }
`,
  });
  let isOver = false;
  const seen = new Set<string>();
  const watching = (async () => {
    while (!isOver) {
      for (const pid of opsd.alive('web')) seen.add(procFile(pid, 'cmdline').replaceAll('\0', ' '));
      await new Promise(setImmediate);
    }
  })();
  for (let round = 0; round < 10; round += 1) await opsd.order('restart', 'web');
  isOver = true;
  await watching;
  assert.ok([...seen].some((line) => line.includes('sleep 1000')));
  assert.deepEqual(
    [...seen].filter((line) => line.includes('only-the-service-knows')),
    [],
  );
});

test('a service without a user, under opsd as root, runs as ever', asRoot, async () => {
  await using opsd = await startOpsd({
    config: `[services.web]
command = ["sleep", "1000"]
env = { GREETING = "it's me", "a.b" = "c" }
`,
  });
  const { pid } = await opsd.until('web', 'running');
  const environment = await waitFor('the service', () => {
    return /^Name:\tsleep$/m.test(procFile(pid ?? 0, 'status')) && procFile(pid ?? 0, 'environ');
  });
  assert.match(environment, /^OPSD_MARKER=.*\0GREETING=it's me\0a\.b=c\0/s);
});
