// The documents and the program say the same: rooms, commands, options, metrics, files, links.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { COMMANDS, type CommandSpec, type OptionSpec } from '../src/cli/arguments/commands.ts';
import { KEYS, type KeyTree } from '../src/config/schema/keys.ts';
import { renderMetrics } from '../src/http/metrics/metrics.ts';
import { routes } from '../src/http/routes/routes.ts';
import { EventStreams } from '../src/http/streams/event-streams.ts';
import { systemClock } from '../src/runtime/system-clock.ts';
import { FakeControl, service, UP } from './http/fake-control.ts';
import { ROOMS } from './rooms.ts';
import { documents, repository } from './support/documents.ts';

test('the rooms of docs/architecture.md are those of test/rooms.ts', () => {
  const rows = ROOMS.map(({ name, what, doors }) => {
    const place = existsSync(join(repository, 'src', `${name}.ts`)) ? `src/${name}.ts` : `src/${name}/`;
    return [`\`${place}\``, what, (doors ?? []).map((door) => `\`${door}\``).join(', ')];
  });
  holds('docs/architecture.md', 'rooms', tableOf(['room', 'what', 'doors'], rows));
});

test('the commands of the README are those of opsd', () => {
  const rows = COMMANDS.map((command) => [`\`${usageOf(command)}\``, inCell(command.summary)]);
  holds('README.md', 'commands', tableOf(['command', ''], rows));
});

test('the options of docs/operating.md are those of the commands', () => {
  const rows = COMMANDS.flatMap((command) =>
    command.options.map((option) => [
      `\`opsd ${command.path.join(' ')}\``,
      `\`${optionOf(option)}\``,
      inCell(option.help),
    ]),
  ).filter(([, option]) => !option?.includes('--socket'));
  holds('docs/operating.md', 'options', tableOf(['command', 'option', 'meaning'], rows));
});

test('the metrics of docs/observing.md are those that Prometheus reads, with the same help', async () => {
  const text = String(await renderMetrics(new FakeControl([service('web', UP)]).metrics()));
  const rows = [...text.matchAll(/^# HELP (opsd_\w+) (.*)\n# TYPE \S+ (\w+)$/gm)].map(
    ([, name = '', help = '', type = '']) => {
      const labels = new RegExp(`^${name}\\{([^}]*)\\}`, 'm').exec(text)?.[1] ?? '';
      const names = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => `\`${label}\``);
      return [`\`${name}\``, type, names.join(', '), inCell(help)];
    },
  );
  assert.ok(rows.length > 25, `${rows.length} metrics`);
  holds('docs/observing.md', 'metrics', tableOf(['metric', 'type', 'labels', 'meaning, and what to do'], rows));
});

test('every link leads somewhere', () => {
  const wrong = documents().flatMap((document) => {
    const text = readFileSync(document, 'utf8').replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, '');
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    return links
      .filter((link) => !/^(https?:|mailto:)/.test(link))
      .filter((link) => !leadsSomewhere(document, link))
      .map((link) => `${document}: ${link}`);
  });
  assert.deepEqual(wrong, []);
});

test('every file of the source that a document names exists', () => {
  const wrong = documents().flatMap((document) => {
    const text = readFileSync(document, 'utf8');
    const named = [...text.matchAll(/`((?:src|test|cfg|systemd)\/[\w./-]+)`/g)].map(([, path = '']) => path);
    return named.filter((path) => !existsSync(join(repository, path))).map((path) => `${document}: ${path}`);
  });
  assert.deepEqual(wrong, []);
});

test('every command and every metric that a document names exists', async () => {
  const metrics = String(await renderMetrics(new FakeControl([service('web', UP)]).metrics()));
  const known = new Set(COMMANDS.map(({ path }) => path.join(' ')));
  const groups = new Set(COMMANDS.map(({ path }) => path[0] ?? ''));
  const wrong = documents().flatMap((document) => {
    const text = readFileSync(document, 'utf8');
    const commands = [...text.matchAll(/`opsd ((?:ctl )?[a-z-]+)/g)].map(([, path = '']) => path);
    const names = [...text.matchAll(/`(opsd_[a-z_]+)/g)].map(([, name = '']) => name);
    return [
      ...commands
        .filter((path) => !known.has(path) && !groups.has(path) && path !== 'help')
        .map((path) => `opsd ${path}`),
      ...names.filter((name) => !metrics.includes(`# HELP ${name} `)),
    ].map((what) => `${relative(repository, document)}: ${what}`);
  });
  assert.deepEqual(wrong, []);
});

test('docs/observing.md names every HTTP path, and only those', () => {
  const control = new FakeControl([]);
  using streams = new EventStreams(control, systemClock);
  const app = routes({
    queries: control,
    commands: control,
    clock: systemClock,
    via: 'socket',
    streams,
    log: () => undefined,
    pageLogs: () => false,
    hide: (text) => text,
    turn: () => Promise.resolve(),
  });
  const served = app.routes.map(({ method, path }) => `${method} ${path.replace(':name', 'NAME')}`);
  const text = readFileSync(join(repository, 'docs/observing.md'), 'utf8');
  const named = [...text.matchAll(/^\| `((?:GET|POST) \/\S*)` \|/gm)].map(([, path = '']) => path);
  assert.deepEqual(named.toSorted(), served.toSorted());
  const known = new Set(served.map((route) => route.replace(/^\w+ /, '')));
  const wrong = documents().flatMap((document) => {
    const paths = [...readFileSync(document, 'utf8').matchAll(/\/(?:api\/v1|\.well-known)\/[\w/.-]*\w/g)];
    return paths.filter(([path]) => !known.has(path)).map(([path]) => `${relative(repository, document)}: ${path}`);
  });
  assert.deepEqual(wrong, []);
});

test('docs/configuration.md names every key', () => {
  const text = readFileSync(join(repository, 'docs/configuration.md'), 'utf8');
  const keys = [...keysOf(KEYS)];
  assert.ok(keys.length > 80, `${keys.length} keys`);
  assert.deepEqual(
    keys.filter((key) => !new RegExp(`\\b${key}\\b`).test(text)),
    [],
  );
});

test('docs/observing.md says what to do about every alert', () => {
  const alerts = readFileSync(join(repository, 'cfg/prometheus/alerts.yml'), 'utf8');
  const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
  const text = readFileSync(join(repository, 'docs/observing.md'), 'utf8');
  const headings = [...text.matchAll(/^### (Opsd\w+)\n\S/gm)].map(([, name = '']) => name);
  assert.ok(names.length > 10, `${names.length} alerts`);
  assert.deepEqual(headings.toSorted(), names.toSorted());
});

test('docs/troubleshooting.md quotes messages as the source has them', () => {
  const source = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(repository, 'src', name), 'utf8'))
    .join('\n');
  const text = readFileSync(join(repository, 'docs/troubleshooting.md'), 'utf8');
  const quoted = [...text.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([^`]+)`/g)]);
  assert.ok(quoted.length > 20, `${quoted.length} messages`);
  const wrong = quoted
    .flatMap(([, message = '']) => message.split(/…|: /))
    .map((part) => part.trim())
    .filter((part) => part.length > 2 && !source.includes(part));
  assert.deepEqual(wrong, []);
});

function* keysOf({ keys, named }: KeyTree): Generator<string> {
  for (const [key, below] of keys) {
    yield key;
    yield* keysOf(below);
  }
  if (named !== null) yield* keysOf(named);
}

/** Compares a generated part of a document, or writes it. */
function holds(document: string, name: string, wanted: string): void {
  const path = join(repository, document);
  const text = readFileSync(path, 'utf8');
  const [whole] = new RegExp(`<!-- ${name} -->[\\s\\S]*<!-- /${name} -->`).exec(text) ?? [];
  assert.ok(whole !== undefined, `${document} has a place for ${name}`);
  const renewed = text.replace(whole, () => `<!-- ${name} -->\n${wanted}\n<!-- /${name} -->`);
  if (process.env.UPDATE === '1') writeFileSync(path, renewed);
  else assert.equal(text, renewed, 'run UPDATE=1 node --test test/docs.test.ts, and read what changed');
}

function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [heads, heads.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function usageOf({ path, operands }: CommandSpec): string {
  return [
    'opsd',
    ...path,
    ...operands.map((operand) => operand.toUpperCase().replace('...', '…').replaceAll(/[<>]/g, '')),
  ].join(' ');
}

function optionOf({ name, short, value }: OptionSpec): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}

/** A bar would end the cell. */
function inCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function leadsSomewhere(document: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? document : resolve(dirname(document), path);
  if (!existsSync(target) || relative(repository, target).startsWith('..')) return false;
  return anchor === undefined || anchorsOf(readFileSync(target, 'utf8')).has(anchor);
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}
