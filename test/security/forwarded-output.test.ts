// What a service writes into syslog and the journal is said by its user, not by root, and chooses no priority.

import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { LogMode } from '../../src/core/model/spec.ts';
import { commandAs } from '../../src/os/spawn/command-as.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { bench, specOf } from '../os/output/outputs.ts';
import { mallory, needsRoot } from '../support/second-user.ts';
import { waitFor } from '../support/wait.ts';

const path = process.env.PATH;
after(() => {
  process.env.PATH = path;
});

/** A stand-in that writes down who it is and what it was told, and then what it is given. */
const WHO = `#!/bin/sh
exec >> "$(dirname "$0")/../given/out"
id -u; id -g; id -G; grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status | tr -d '\\t '; pwd; env | grep -c LD_; echo "$*"
exec cat
`;

for (const [mode, program, told] of [
  ['syslog', 'logger', '--socket-errors=on --size 64KiB --tag web'],
  ['journal', 'systemd-cat', '--identifier=web --level-prefix=false'],
] as const satisfies readonly (readonly [LogMode, string, string])[]) {
  test(`${mode}: ${program} has the rights of the service’s user, and lines go to it as they are`, {
    skip: needsRoot,
  }, async () => {
    await using b = await bench({
      uidOf: () => mallory.uid,
      commandAs: (uid, command) => commandAs(uid, command, systemClock.now()),
    });
    chmodSync(b.path, 0o755);
    for (const folder of ['bin', 'given']) mkdirSync(join(b.path, folder));
    chownSync(join(b.path, 'given'), mallory.uid, mallory.gid);
    writeFileSync(join(b.path, 'bin', program), WHO, { mode: 0o755 });
    process.env.PATH = `${join(b.path, 'bin')}:${path}`;
    process.env.LD_LIBRARY_PATH = join(b.path, 'given');
    const spec = specOf('web', mode);
    b.outputs.prepare([spec]);
    await b.finish(spec, 'echo "<0>all is lost"');
    const out = join(b.path, 'given/out');
    const lines = await waitFor('the line', () => {
      const text = existsSync(out) ? readFileSync(out, 'utf8') : '';
      return text.includes('all is lost') && text.trimEnd().split('\n');
    });
    delete process.env.LD_LIBRARY_PATH;
    const { uid, gid } = mallory;
    const none = '0000000000000000';
    assert.deepEqual(lines, [
      ...[uid, gid, gid].map(String),
      ...[`CapEff:${none}`, `CapBnd:${none}`, 'NoNewPrivs:1'],
      ...['/', '0', told, '<0>all is lost'],
    ]);
  });
}

test('where the program is missing, that is what is said', { skip: needsRoot }, async () => {
  await using b = await bench({
    uidOf: () => mallory.uid,
    commandAs: (uid, command) => commandAs(uid, command, systemClock.now()),
  });
  const spec = specOf('web', 'syslog');
  b.outputs.prepare([spec]);
  process.env.PATH = '/nonexistent';
  try {
    const { stdout, close } = b.outputs.open(spec);
    assert.ok(typeof stdout === 'number');
    writeFileSync(stdout, 'lost\n');
    close();
    await waitFor('the reason', () =>
      b.log.lines.some((line) => /the log program of a service does not work.*logger.*ENOENT/.test(line)),
    );
  } finally {
    process.env.PATH = path;
  }
});
