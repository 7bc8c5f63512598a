// Every command of opsd, run by a user who may read next to nothing: one clear message and an exit code, never a stack trace.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { COMMANDS, type CommandSpec } from '../../src/cli/arguments/commands.ts';
import { type Opsd, type OpsdOptions, startOpsd } from '../support/opsd.ts';
import { type Finished, runToEnd } from '../support/run-to-end.ts';
import { mallory, needsRoot } from '../support/second-user.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
const WEB = '[services.web]\ncommand = ["sleep", "1000"]\n';

interface Surroundings {
  readonly prefix: string;
  /** Default: a folder that everybody may enter. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Run by sh before opsd, which is "$@". */
  readonly before?: string;
  readonly group?: number;
}

/** The folder around it is closed to everybody else, as a rule. */
async function openTo(options: OpsdOptions): Promise<Opsd> {
  const opsd = await startOpsd(options);
  chmodSync(opsd.dir, 0o755);
  return opsd;
}

/** As the user, without root's groups, with next to no environment. */
function asMallory(
  args: readonly string[],
  { prefix, cwd = '/', env = {}, before = ':', group }: Surroundings,
): Promise<Finished> {
  const ids = [`--reuid=${mallory.uid}`, `--regid=${group ?? mallory.gid}`, '--clear-groups', '--'];
  // The shell enters the folder as root; what comes after has no right to be there.
  const script = `cd "$0" && ${before} && exec setpriv ${ids.join(' ')} "$@"`;
  const command = ['sh', '-c', script, cwd, process.execPath, MAIN, ...args];
  return runToEnd(command, { env: { PATH: '/usr/bin:/bin', PREFIX: prefix, ...env } });
}

function told(args: readonly string[], { code, stdout, stderr }: Finished): string {
  return `opsd ${args.join(' ')}: ${code}\n${stdout.slice(0, 300)}\n${stderr}`;
}

/** What went wrong is said in a sentence or two, or it went well. */
function assertClear(args: readonly string[], result: Finished): void {
  const { code, stderr } = result;
  assert.ok(code === 0 || code === 1 || code === 2, told(args, result));
  assert.doesNotMatch(stderr, /because of a bug|^\s+at |node:internal|\bE[A-Z]+: /m, told(args, result));
  if (code === 0) return;
  assert.match(stderr, /^opsd: \S/, told(args, result));
  assert.ok(stderr.trimEnd().split('\n').length <= 4, told(args, result));
}

const argsOf = ({ path, operands }: CommandSpec): readonly string[] => [
  ...path,
  ...operands
    .filter((operand) => operand.startsWith('<'))
    .map((operand) => (/signal/i.test(operand) ? 'HUP' : /number|instances/i.test(operand) ? '2' : 'web')),
];

test('every command, where PREFIX is closed to him', { skip: needsRoot }, async (t) => {
  await using opsd = await openTo({ config: WEB });
  for (const closed of [opsd.run, join(opsd.dir, 'cfg')]) chmodSync(closed, 0o700);
  for (const command of COMMANDS) {
    const args = argsOf(command);
    await t.test(args.join(' '), async () => {
      const result = await asMallory(args, { prefix: opsd.prefix, cwd: opsd.dir });
      assertClear(args, result);
      if (args[0] === 'ctl' && args[1] !== 'top')
        assert.match(result.stderr, /no permission to use .*opsd\.sock.*use sudo/, told(args, result));
    });
  }
});

test('a member of the socket group uses ctl, though all else of PREFIX is closed to him', {
  skip: needsRoot,
}, async () => {
  const config = `[daemon]\nsocket_mode = "0660"\nsocket_group = "${mallory.gid}"\n${WEB}`;
  await using opsd = await openTo({ config });
  for (const closed of ['data', 'key']) {
    mkdirSync(join(opsd.prefix, closed), { recursive: true });
    chmodSync(join(opsd.prefix, closed), 0o700);
  }
  for (const args of [
    ['status'],
    ['why', 'web'],
    ['restart', 'web'],
    ['logs', 'web'],
    ['reload'],
    ['events', '--no-follow'],
  ]) {
    const result = await asMallory(['ctl', ...args], { prefix: opsd.prefix });
    assertClear(args, result);
    assert.equal(result.code, 0, told(args, result));
  }
});

test('wherever he stands, and whatever PREFIX and HOME say', { skip: needsRoot }, async (t) => {
  await using opsd = await openTo({ config: WEB });
  chmodSync(join(opsd.dir, 'cfg'), 0o700);
  const closed = join(opsd.dir, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const gone = join(opsd.dir, 'gone');
  const places: Readonly<Record<string, Surroundings>> = {
    'a folder that he may not read': { prefix: opsd.prefix, cwd: closed },
    'a folder that is gone': { prefix: opsd.prefix, cwd: gone, before: 'rmdir "$PWD"' },
    'no PREFIX there': { prefix: '/nowhere/at/all' },
    'a PREFIX that is a file': { prefix: '/etc/passwd' },
    'an empty PREFIX': { prefix: '' },
    'a relative PREFIX': { prefix: 'p', cwd: opsd.dir },
    'a PREFIX below what he may not enter': { prefix: join(closed, 'p') },
    'a HOME that is not there': { prefix: opsd.prefix, env: { HOME: '/nowhere', USER: 'x', LOGNAME: 'x' } },
    'a HOME that he may not enter': { prefix: opsd.prefix, env: { HOME: closed } },
  };
  const commands = [['ctl', 'status'], ['ctl', 'shutdown'], ['check'], ['run'], ['schema']];
  for (const [what, surroundings] of Object.entries(places)) {
    await t.test(what, async () => {
      for (const args of commands) {
        mkdirSync(gone, { recursive: true });
        assertClear(args, await asMallory(args, surroundings));
      }
    });
  }
});
