// Random secrets in every key that takes a text: nothing that an opsd can be made to say has one of them in it.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Facts } from '../../src/config/check/host-facts.ts';
import { planReload } from '../../src/core/model/changes.ts';
import { load } from '../config/loading.ts';
import { startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';
import { everythingTold, leaksIn } from './everything-told.ts';
import { textKeys, toml, written } from './text-keys.ts';

/** Where everything is missing, and it is said what. */
const ABSENT: Partial<Facts> = {
  look: () => 'missing',
  whyNotExecutable: (file, cwd, path) => `command ${file} is not in PATH (${path}), from ${cwd}`,
  readText: (path) => ({ ok: false, why: `it does not exist: ${path}` }),
  hasUser: () => false,
  hasGroup: () => false,
  isLinear: () => false,
  whyNotSchedule: (cron, timezone) => `${cron} in ${timezone} makes no sense`,
  sockets: () => [],
};
const LETTERS = [...'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ'];
/** As names, paths and patterns take it; with a digit, so that it is no word of a message. */
const word = () =>
  fc
    .tuple(
      fc.constantFrom(...LETTERS),
      fc.string({ unit: fc.constantFrom(...LETTERS, ...'0123456789_'), minLength: 7, maxLength: 24 }),
    )
    .map(([first, rest]) => `${first}7${rest}`);
/** As arguments and variables take it. */
const anyText = () =>
  fc
    .string({ unit: 'grapheme', minLength: 8, maxLength: 24 })
    .filter((text) => text.isWellFormed() && !text.includes('\0') && text.trim().length >= 8 && new Set(text).size > 4)
    .map((text) => `7${text}`);

const BASE = '[services.web]\ncommand = ["x"]\nheartbeat = "30s"\n';

test('in every key that takes a text, valid or not: problems, warnings, effective values, the plan of a reload', () => {
  const keys = textKeys();
  assert.ok(keys.length > 60, `${keys.length} keys`);
  const all = keys.flatMap((key) => key.forms.map((form) => ({ key, form })));
  const before = load(BASE);
  assert.ok(before.ok);
  const check = (secret: string): void => {
    for (const { key, form } of all) {
      for (const facts of [ABSENT, {}]) {
        // Every program is there, by what the other host says.
        if (facts !== ABSENT && /command|exec|wrapper|before_start|after_stop/.test(key.key)) continue;
        const result = load({ base: BASE, secret: written(key, form, secret), facts });
        const told = result.ok
          ? [result.config.effective, ...[...result.config.services.values()].map(({ effective }) => effective)]
          : [];
        const said: ReadonlyMap<string, string> = new Map([
          ['problems', JSON.stringify(result.ok ? [] : result.problems)],
          ['warnings', JSON.stringify(result.warnings)],
          ['effective', JSON.stringify(told.map((values) => [...values]))],
          ['plan', JSON.stringify(result.ok ? planReload(before.config, result.config) : [])],
        ]);
        assert.deepEqual(leaksIn(said, [secret]), [], `${key.key} as ${form}`);
      }
    }
  };
  fc.assert(fc.property(word(), check), { numRuns: 5 });
  fc.assert(fc.property(anyText(), check), { numRuns: 5 });
});

/** Services that fail in all ways there are; each secret is one that nothing else has. */
function scene(next: () => string, text: () => string, port: number) {
  const [folder, logs] = [next(), next()];
  const fails = 'max_failures = 0\nretry_failed = "0s"\n';
  const idle = 'command = ["sleep", "1000"]\n';
  const asked = 'interval = "50ms", timeout = "40ms", failures = 1, on_failure = "mark"';
  const url = () =>
    `http://${next()}:${next()}@127.0.0.1:${port}/${next()}?a=${next()}&b=${encodeURIComponent(text())}`;
  const config = `[[daemon.on_event]]\nname = "book"\nwhen = ["failed", "backoff", "running", "stopped", "waiting"]\nexec = ["./receiver", "--token=${next()}"]
[[daemon.on_event]]\nname = "pager"\nwhen = ["failed"]\nwebhook = "http://127.0.0.1:${port}/${next()}"\nheaders = { X-Word = "${next()}" }
[services.absent]\nenabled = false\n${fails}[services.before]\n${idle}${fails}[services.after]\ncommand = ["false"]\n${fails}
[services.web]\n${idle}health = { ${asked} }\n[services.ready]\n${idle}${fails}ready = { on = "http", timeout = "400ms", interval = "50ms" }
[services.exec]\n${idle}health = { ${asked} }\n[services.log]\n${idle}${fails}ready = { on = "log", timeout = "300ms" }
[services.tcp]\n${idle}health = { ${asked} }\n[services.beat]\n${idle}${fails}heartbeat = { timeout = "100ms", grace = "100ms" }
[services.env]\n${idle}env_file = "env.env"\npass_env = ["PASSED_TOKEN"]\nenv = { DB_PASS = ${toml(text())}, DATABASE_URL = "postgres://u:${next()}@h/x" }
[services.wrapped]\n${idle}[services.looped]\nenabled = false\ndepends_on = ["absent"]\n${idle}`;
  const keys = (
    rotated: string,
  ) => `[daemon]\nlog_dir = "./${logs}"\n[daemon.on_event_secrets.pager]\nwebhook = "http://${next()}:${next()}@127.0.0.1:${port}/${next()}"\nheaders = { Authorization = "Bearer ${next()}" }
[services.absent]\ncommand = ["/nowhere/${next()}", ${toml(text())}]\n[services.before]\nbefore_start = ["/bin/false", ${toml(text())}, "--x=${next()}"]
[services.after]\nafter_stop = "/bin/false --x=${next()}"\n[services.web]\nhealth = { http = "${url()}" }\ntags = ["${next()}"]\n[services.ready]\nready = { url = "${url()}" }
[services.exec]\nhealth = { exec = ["/bin/false", ${toml(text())}] }\n[services.log]\nready = { pattern = "${next()}" }\n[services.tcp]\nhealth = { tcp = "${next()}.invalid:1" }
[services.beat]\ncwd = "./${folder}"\nheartbeat = { file = "./${next()}/${next()}.beat" }\n[services.env.env]\nA = ${toml(text())}\nB = "${rotated}"
[services.wrapped]\nwrapper = ["/usr/bin/env", "A=${next()}"]\n`;
  return { config, keys, folder, env: `SECRET_A='${next()}'\n`, passed: next() };
}

test('whatever a daemon can be made to say', async () => {
  const server = createServer((_, response) => response.writeHead(500).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await using _server = { [Symbol.asyncDispose]: async () => void server.close() };
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const property = fc.asyncProperty(
    fc.uniqueArray(word(), { minLength: 60, maxLength: 60 }),
    fc.uniqueArray(anyText(), { minLength: 20, maxLength: 20 }),
    async (words, texts) => {
      const used: string[] = [];
      const takeFrom = (list: string[]) => () => {
        const secret = list.pop();
        assert.ok(secret !== undefined, 'too few secrets');
        used.push(secret);
        return secret;
      };
      const next = takeFrom([...words]);
      const { config, keys, folder, env, passed } = scene(next, takeFrom([...texts]), port);
      const [old, young] = [next(), next()];
      const first = keys(old);
      await using opsd = await startOpsd({
        config,
        files: {
          'p/key/env.toml': first,
          'env.env': env,
          [`${folder}/x`]: '',
          receiver: '#!/bin/sh\n{ env; cat; echo; echo "$@"; } >>told\necho "$@" >&2; exit 1\n',
        },
        env: { OPSD_LOG: 'trace', PASSED_TOKEN: passed },
        http: 'on',
      });
      await opsd.api('POST', '/api/v1/services/absent/start', { wait: false });
      await opsd.api('POST', '/api/v1/services/looped/start', { wait: false });
      for (const service of ['absent', 'before', 'after', 'ready', 'log', 'beat'])
        await opsd.until(service, 'failed', 30_000);
      for (const service of ['web', 'exec', 'tcp']) await opsd.until(service, ({ healthy }) => healthy === false);
      await opsd.until('looped', 'waiting');
      await opsd.logged(/event hook failed.*hook=pager/);
      await opsd.write('p/key/env.toml', first.replace(old, young));
      await opsd.api('POST', '/api/v1/reload', { dry_run: true });
      await opsd.reload();
      await opsd.until('env', 'running');
      // A configuration that is refused is told of, too.
      await opsd.write('p/key/env.toml', `${first}\n[services.wrapped.env]\n"a=b" = "${next()}"\n`);
      assert.equal((await opsd.reload()).status, 422);
      await waitFor('the receiver', async () => (await opsd.read('told')).includes('OPSD_WHEN=failed'));
      const services = ['absent', 'before', 'after', 'web', 'ready', 'exec', 'log', 'tcp', 'beat', 'env', 'wrapped'];
      const said = await everythingTold(opsd, services, [], { PASSED_TOKEN: passed });
      const payload = (await opsd.read('told')).replaceAll(/^--token=.*$/gm, '');
      said.set('payload', payload);
      assert.ok((said.get('log') ?? '').length > 1_000 && payload.length > 1_000);
      assert.deepEqual(leaksIn(said, used), []);
    },
  );
  await fc.assert(property, { numRuns: Number(process.env.SECRET_RUNS ?? 1), endOnFailure: true });
});
