// opsd check, opsd config, opsd schema: what they print, and their exit codes.

import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCheck, runConfig, runSchema } from '../../src/cli/config-commands.ts';
import { parseDocument } from '../../src/config/source/parse.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { scratch } from '../support/scratch.ts';

const GOOD = `[daemon]
http = ""
shutdown_timeout = "2m"
[services.web]
command = ["true", "é\\u001b\\u009b"]
env = { PORT = "8080", API_KEY = "hunter2" }
stop_timeout = "90s"
`;

/** A working directory with cfg/config.toml and env.toml in it, and what is printed there. */
async function desk(config: string, secret = '') {
  const place = await scratch();
  await mkdir(join(place.path, 'cfg'));
  await mkdir(join(place.path, 'key'));
  await writeFile(join(place.path, 'cfg/config.toml'), config);
  await writeFile(join(place.path, 'key/env.toml'), secret, { mode: 0o600 });
  const printed = { out: '', err: '' };
  return {
    printed,
    output: {
      stdout: (text: string) => {
        printed.out += text;
      },
      stderr: (text: string) => {
        printed.err += text;
      },
    },
    world: {
      env: { PATH: process.env.PATH, PREFIX: place.path },
      workDir: place.path,
      program: join(place.path, 'src/main.ts'),
      clock: systemClock,
    },
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  };
}

test('check says that all is well', async () => {
  await using here = await desk(GOOD);
  assert.equal(runCheck({}, here.output, here.world), 0);
  assert.deepEqual(here.printed, { out: 'cfg/config.toml: no problems, 1 service\n', err: '' });
});

test('check from another folder judges relative paths as the daemon will, and names the folder', async () => {
  await using here = await desk('[services.web]\ncommand = ["./bin/web"]\n');
  const folder = here.world.workDir;
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/web'), '#!/bin/sh\n', { mode: 0o755 });
  await mkdir(join(folder, 'opsd/lib/1.0'), { recursive: true });
  const config = join(folder, 'cfg/config.toml');
  const elsewhere = { ...here.world, workDir: '/' };
  assert.equal(runCheck({ config }, here.output, elsewhere), 0, here.printed.err);
  assert.match(
    here.printed.out,
    new RegExp(`^${config}: no problems, 1 service \\(its relative paths begin in ${folder}\\)\n$`),
  );
  assert.equal(runCheck({ config, cwd: '/' }, here.output, elsewhere), 1);
  assert.match(here.printed.err, /services\.web\.command/);
});

test('an installed opsd checks its own file in any folder', async () => {
  await using here = await desk(GOOD);
  const folder = here.world.workDir;
  await mkdir(join(folder, 'opsd/lib/1.0'), { recursive: true });
  await cp(join(folder, 'cfg'), join(folder, 'opsd/cfg'), { recursive: true });
  const program = join(folder, 'opsd/lib/1.0/dist/main.js');
  assert.equal(runCheck({}, here.output, { ...here.world, workDir: '/', program }), 0, here.printed.err);
  assert.match(here.printed.out, new RegExp(`^${folder}/opsd/cfg/config.toml: no problems`));
});

test('check prints every problem with its place, and exits 1', async () => {
  await using here = await desk('[services.web]\ncomand = "x"\nstop_timeout = 5\n');
  assert.equal(runCheck({ config: 'cfg/config.toml' }, here.output, here.world), 1);
  assert.equal(here.printed.out, '');
  assert.deepEqual(here.printed.err.split('\n'), [
    'opsd: cannot load cfg/config.toml: 3 problems',
    '  cfg/config.toml:1  services.web.command       is missing; expected a list of strings such as ["node", "server.js"], or one string',
    '  cfg/config.toml:2  services.web.comand        unknown key; did you mean "command"?',
    '  cfg/config.toml:3  services.web.stop_timeout  expected a duration such as "30s", got 5; for seconds write "5s"',
    '',
  ]);
});

test('check prints what is doubtful, and exits 0', async () => {
  await using here = await desk('[services.web]\ncommand = ["sh", "-c", "sleep 5"]\n');
  assert.equal(runCheck({}, here.output, here.world), 0);
  assert.match(
    here.printed.err,
    /^opsd: cfg\/config\.toml: 1 warning\n {2}cfg\/config\.toml:2 {2}services\.web\.command {2}the shell may/,
  );
});

test('a missing file is a problem that names the option', async () => {
  await using here = await desk(GOOD);
  for (const run of [runCheck, runConfig]) assert.equal(run({ config: 'nope.toml' }, here.output, here.world), 1);
  assert.match(here.printed.err, /nope\.toml {2}does not exist; .*--config FILE/);
});

test('a file without a name is a mistake in the option', async () => {
  await using here = await desk(GOOD);
  assert.equal(runCheck({ config: '' }, here.output, here.world), 1);
  assert.equal(
    here.printed.err,
    "opsd: cannot load '': 1 problem\n  --config  is empty; name a file, or leave it out for cfg/config.toml\n",
  );
});

test('config prints TOML that says the same', async () => {
  await using here = await desk(GOOD);
  assert.equal(runConfig({}, here.output, here.world), 0);
  const document = parseDocument(here.printed.out, 'printed', false);
  assert.ok(document.ok, document.ok ? '' : document.problem.message);
  assert.match(here.printed.out, /^stop_timeout = "1m30s"$/m);
  assert.match(here.printed.out, /^backoff\.initial = "100ms"$/m);
  assert.match(here.printed.out, /^env\.PORT = "8080"$/m);
  const visible = [...here.printed.out].every((char) => char === '\n' || !/\p{Cc}/u.test(char));
  assert.ok(visible, 'nothing acts on a terminal');
});

test('--explain adds where each value comes from', async () => {
  await using here = await desk(GOOD, '[services.web]\numask = "077"\n');
  const env = { ...here.world.env, OPSD__SERVICES__WEB__NICE: '3' };
  assert.equal(runConfig({ explain: true }, here.output, { ...here.world, env }), 0);
  const { out } = here.printed;
  assert.match(out, /^stop_timeout = "1m30s" +# cfg\/config\.toml:7$/m);
  assert.match(out, /^nice = 3 +# OPSD__SERVICES__WEB__NICE$/m);
  assert.match(out, /^restart = "always" +# default$/m);
  assert.match(out, /^umask = "\[redacted\]" +# .*key\/env\.toml:2$/m);
  assert.match(out, /^env\.API_KEY = "\[redacted\]" +# cfg\/config\.toml:6$/m);
});

test('--json prints one object; secrets are in neither form', async () => {
  await using here = await desk(GOOD, '[services.web.env]\nDSN = "hunter2"\n');
  assert.equal(runConfig({ json: true }, here.output, here.world), 0);
  const plain = JSON.parse(here.printed.out);
  assert.equal(plain.daemon.http, '');
  assert.deepEqual(plain.services.web.backoff, { initial: '100ms', factor: 2, max: '1600ms', jitter: 0.1 });
  assert.deepEqual(plain.services.web.env, { PORT: '8080', API_KEY: '[redacted]', DSN: '[redacted]' });
  here.printed.out = '';
  assert.equal(runConfig({ json: true, explain: true }, here.output, here.world), 0);
  const explained = JSON.parse(here.printed.out);
  assert.deepEqual(explained.services.web.stop_timeout, { value: '1m30s', source: 'cfg/config.toml:7', secret: false });
  assert.equal(explained.services.web['env.DSN'].value, '[redacted]');
  assert.ok(!here.printed.out.includes('hunter2'));
});

test('schema prints JSON Schema', () => {
  let text = '';
  const output = {
    stdout: (more: string) => {
      text += more;
    },
    stderr: () => assert.fail('nothing to complain about'),
  };
  assert.equal(runSchema(output), 0);
  const schema = JSON.parse(text);
  assert.equal(schema.$schema, 'http://json-schema.org/draft-07/schema#');
  assert.ok(schema.properties.services.additionalProperties.properties.command);
});
