// opsd's own log: lines that people and programs can read, and a stdout that may break without breaking anything else.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseLogLevel } from '../../../src/config/values/log-level.ts';
import type { LogFilter } from '../../../src/core/model/config.ts';
import { withPriority } from '../../../src/os/own-log/journal.ts';
import { createLogger, type Logger } from '../../../src/os/own-log/logger.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { SecretMasks } from '../../../src/text/masks.ts';
import { scratch } from '../../support/scratch.ts';
import { waitFor } from '../../support/wait.ts';

function filterOf(text: string): LogFilter {
  const reading = parseLogLevel(text);
  assert.ok(reading.ok, text);
  return reading.value;
}

/** What a log with these settings writes when `use` uses it. */
async function written(
  level: string,
  format: 'text' | 'json',
  use: (log: Logger) => void,
  masks = new SecretMasks(new Set()),
): Promise<string[]> {
  await using folder = await scratch();
  const path = join(folder.path, 'log');
  const destination = openSync(path, 'a');
  {
    await using log = createLogger({ clock: systemClock, level: filterOf(level), format, destination, masks });
    use(log);
  }
  closeSync(destination);
  const text = readFileSync(path, 'utf8');
  return text === '' ? [] : text.slice(0, -1).split('\n');
}

const TIME = '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}';

test('a line of text: time, level, message, fields in their order', async () => {
  const [line = ''] = await written('info', 'text', (log) =>
    log.info('state', { service: 'web', from: 'starting', to: 'running', generation: 4, pid: null, adopted: true }),
  );
  assert.match(
    line,
    new RegExp(`^${TIME} \\[INFO\\] state service=web from=starting to=running generation=4 pid=null adopted=true$`),
  );
});

test('a secret is in no line, of text or of JSON, with quotes in it or within a longer text; names and numbers stay', async () => {
  const masks = new SecretMasks(new Set(['hunter"2\\', '12345678']));
  const use = (log: Logger) => {
    log.component('http').warn('a request', { service: 'web', detail: 'x hunter"2\\ y', pid: 12_345_678 });
    log.warn('asked with hunter"2\\');
  };
  const [text = '', alone = ''] = await written('info', 'text', use, masks);
  assert.match(text, /a request service=web detail="x \[redacted\] y" pid=12345678$/);
  assert.match(alone, /\[WARN\] asked with \[redacted\]$/);
  const [json = '', aloneJson = ''] = await written('info', 'json', use, masks);
  assert.partialDeepStrictEqual(JSON.parse(json), {
    message: 'a request',
    service: 'web',
    detail: 'x [redacted] y',
    pid: 12_345_678,
  });
  assert.partialDeepStrictEqual(JSON.parse(aloneJson), { level: 'warn', message: 'asked with [redacted]' });
});

test('whatever is a secret, an alert keeps its words, its level, its reason and its fields', async () => {
  const words = ['CRITICAL alert', 'CRITICAL', 'too_many_failures', 'many_failures', 'failed', 'message', 'service'];
  const masks = new SecretMasks(
    new Set([...words, 'L alert', 'RITICAL hunter2', 'hunter2', '"level":"error"', 'starting']),
  );
  const use = (log: Logger) => {
    log.critical('alert', { service: 'web', reason: 'too_many_failures', to: 'failed', detail: 'says hunter2' });
    log.critical('hunter2');
  };
  const [line = '', alone = ''] = await written('info', 'text', use, masks);
  assert.match(
    line,
    /\[ERROR\] CRITICAL alert service=web reason=too_many_failures to=failed detail="says \[redacted\]"$/,
  );
  assert.match(alone, /\[ERROR\] CRITICAL \[redacted\]$/);
  const [json = ''] = await written('info', 'json', use, masks);
  const { time: _, ...record } = JSON.parse(json);
  assert.deepEqual(record, {
    level: 'error',
    service: 'web',
    reason: 'too_many_failures',
    to: 'failed',
    detail: 'says [redacted]',
    message: 'CRITICAL alert',
  });
});

test('values with spaces are quoted; nothing can break a line or speak to a terminal', async () => {
  const lines = await written('info', 'text', (log) => {
    log.warn('two\nlines\u001b[2J', {
      a: 'x y',
      b: 'say "hi" \\',
      c: '',
      d: '\u001b]0;pwned\u0007\n\t',
      e: '\u202eevil\u2028',
      f: 'k=v',
      g: 'grüß dich',
    });
  });
  assert.equal(lines.length, 1);
  assert.equal(
    lines[0]?.replace(/^.*\[WARN\] /, ''),
    'two\\nlines\\u001b[2J a="x y" b="say \\"hi\\" \\\\" c="" d="\\u001b]0;pwned\\u0007\\n\\t" e="\\u202eevil\\u2028" f="k=v" g="grüß dich"',
  );
});

test('json: the same fields, one object a line', async () => {
  const [line = '', ...more] = await written('info', 'json', (log) =>
    log.error('two\nlines', { service: 'web', pid: 4 }),
  );
  assert.deepEqual(more, []);
  const { time, ...rest } = JSON.parse(line);
  assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(rest, { level: 'error', message: 'two\nlines', service: 'web', pid: 4 });
});

test('alerts begin with CRITICAL', async () => {
  const [line = ''] = await written('info', 'text', (log) =>
    log.critical('web has failed', { reason: 'too_many_failures' }),
  );
  assert.match(line, /\[ERROR\] CRITICAL web has failed reason=too_many_failures$/);
});

test('a filter sets parts of opsd apart', async () => {
  const lines = await written('warn,heartbeat=debug,output=silent', 'text', (log) => {
    log.info('no');
    log.warn('yes 1');
    log.component('heartbeat').debug('yes 2');
    log.component('output').error('no');
    log.component('http').info('no');
    log.component('http').error('yes 3');
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*\] /, '')),
    ['yes 1', 'yes 2', 'yes 3'],
  );
});

test('nobody to write to (a disk that is full, a pipe that is closed): counted, said later, never thrown', async () => {
  const full = openSync('/dev/full', 'w');
  const log = createLogger({ clock: systemClock, level: filterOf('info'), format: 'text', destination: full });
  log.info('one');
  log.info('two');
  await waitFor('the loss to be counted', () => log.dropped === 2);
  await log[Symbol.asyncDispose]();
  closeSync(full);
});

test('a reader that is gone (EPIPE): opsd goes on, and its end is its own', async () => {
  const program = `
    import { createLogger } from ${JSON.stringify(join(import.meta.dirname, '../../../src/os/own-log/logger.ts'))};
    import { systemClock } from ${JSON.stringify(join(import.meta.dirname, '../../../src/runtime/system-clock.ts'))};
    await using log = createLogger({ clock: systemClock, level: { text: 'info', level: 'info', components: new Map() }, format: 'text' });
    process.stdin.once('end', async () => {
      log.info('to nobody');
      await new Promise(setImmediate);
      log.info('to nobody either');
      await log[Symbol.asyncDispose]();
      process.exitCode = log.dropped === 2 ? 7 : 1;
    }).resume();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdout.destroy();
  await once(child.stdout, 'close');
  child.stdin.end();
  assert.deepEqual(await once(child, 'exit'), [7, null]);
});

test('a reader that does not read: bounded memory, no wait, and the number of lines that were lost', async () => {
  await using folder = await scratch();
  const fifo = join(folder.path, 'fifo');
  await once(spawn('mkfifo', [fifo]), 'exit');
  const both = openSync(fifo, 'r+');
  const log = createLogger({ clock: systemClock, level: filterOf('info'), format: 'text', destination: both });
  for (let line = 0; line < 30_000; line++) {
    log.info('a line of some length that nobody reads', { line, more: 'x'.repeat(50) });
    if (line % 1_000 === 0) await new Promise(setImmediate);
  }
  assert.ok(log.dropped > 1_000, `${log.dropped} dropped`);
  const reader = spawn('cat', [fifo], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  reader.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await waitFor('the lines that waited', () => text.includes('log lines were dropped'));
  log.info('after');
  await waitFor('the last line', () => text.endsWith('after\n'));
  assert.match(
    text,
    new RegExp(`\\[WARN\\] log lines were dropped: stdout of opsd is blocked or closed count=${log.dropped}\\n`),
  );
  reader.kill();
  await log[Symbol.asyncDispose]();
  closeSync(both);
});

test('the last words of a process that exits at once are written', async () => {
  const program = `
    import { createLogger } from ${JSON.stringify(join(import.meta.dirname, '../../../src/os/own-log/logger.ts'))};
    import { systemClock } from ${JSON.stringify(join(import.meta.dirname, '../../../src/runtime/system-clock.ts'))};
    createLogger({ clock: systemClock, level: { text: 'info', level: 'info', components: new Map() }, format: 'text' }).error('last words');
    process.exit(2);`;
  for (const stdio of ['pipe', 'overlapped'] as const) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', stdio, 'inherit'],
    });
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 2);
    assert.match(text, /\[ERROR\] last words\n$/);
  }
});

test('the level can change, also for components that are in use already', async () => {
  const lines = await written('info', 'text', (log) => {
    const [heartbeat, output] = [log.component('heartbeat'), log.component('output')];
    heartbeat.debug('no');
    log.setLevel(filterOf('warn,heartbeat=debug'));
    heartbeat.debug('yes 1');
    output.info('no');
    log.info('no');
    log.component('probes').warn('yes 2');
    log.setLevel(filterOf('debug'));
    output.debug('yes 3');
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*\] /, '')),
    ['yes 1', 'yes 2', 'yes 3'],
  );
});

test('into the journal, each line has its priority and no time of its own; elsewhere all stays as it is', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'journal');
  const destination = openSync(path, 'a');
  const { dev, ino } = fstatSync(destination, { bigint: true });
  const use = async (format: 'text' | 'json', journalStream: string | undefined) => {
    {
      const options = { clock: systemClock, level: filterOf('debug'), format, destination, journalStream };
      await using log = createLogger(options);
      log.debug('looks');
      log.info('state', { service: 'web' });
      log.component('http').warn('slow');
      log.error('broken');
      log.critical('alert', { service: 'web', detail: 'it is down' });
    }
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    truncateSync(path);
    return lines;
  };
  assert.deepEqual(await use('text', `${dev}:${ino}`), [
    '<7>[DEBUG] looks',
    '<6>[INFO] state service=web',
    '<4>[WARN] slow',
    '<3>[ERROR] broken',
    '<2>[ERROR] CRITICAL alert service=web detail="it is down"',
  ]);
  const json = await use('json', `${dev}:${ino}`);
  assert.deepEqual(
    json.map((line) => line.slice(0, 4)),
    ['<7>{', '<6>{', '<4>{', '<3>{', '<2>{'],
  );
  // Of a parent whose output was the journal, while that of opsd is a file.
  for (const other of [undefined, '', `${dev}:1`, '8:12345', 'x']) {
    for (const line of await use('text', other))
      assert.match(line, new RegExp(`^${TIME} \\[`), `JOURNAL_STREAM=${other}`);
  }
});

test('each line of a refusal is an error in the journal', () => {
  assert.equal(withPriority('opsd: 2 problems\n  a\n\n  b\n', 'error'), '<3>opsd: 2 problems\n<3>  a\n\n<3>  b\n');
});
