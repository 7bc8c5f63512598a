// The rules of the source that no compiler knows: which way imports run, where time and signals may be touched.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { MOST_FILES, ROOMS } from './rooms.ts';

const repository = resolve(import.meta.dirname, '..');
/** Lines of a function of the composition root. */
const LONGEST_STAGE = 70;

interface Import {
  readonly from: string;
  /** Nothing of it is left when the types are gone. */
  readonly isType: boolean;
}

interface Source {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
  /** Without comments. */
  readonly code: string;
  /** Without comments and what strings hold. */
  readonly words: string;
  readonly imports: readonly Import[];
}

const src = sources('src');
const tests = sources('test');

test('every file begins with a comment that says what it is for', () => {
  none(
    [...src, ...tests].filter(({ text }) => !/^\/\/ \S.{10,}\n/.test(text)),
    'the first line is not "// one sentence"',
  );
});

test('imports run one way', () => {
  /** Layer to what it may import beside itself and errors.ts; `type`: only types. */
  const arrows: Record<string, readonly [to: RegExp, what: 'all' | 'type'][]> = {
    main: [[/./, 'all']],
    daemon: [[/^src\/(?!cli\/)/, 'all']],
    cli: [
      [/^src\/(text\/|runtime\/wall-time\.ts$)/, 'all'],
      // What `opsd check` does is what the daemon does first.
      [/^src\/(config\/|os\/(config\/files|files\/scale-file|systemd\/sockets|trust\/plain-path)\.ts$)/, 'all'],
      [/^src\/(api\/|core\/|runtime\/clock\.ts$)/, 'type'],
    ],
    os: [
      // The reader of the files hands their text to the pure part, which knows what it means.
      [/^src\/(config|text)\//, 'all'],
      [/^src\/runtime\/(wall-time|pieces)\.ts$/, 'all'],
      [/^src\/(api\/logs\.ts$|runtime\/(ports|clock)\.ts$|core\/)/, 'type'],
    ],
    http: [
      [/^src\/(api\/|text\/|runtime\/(wall-time|pieces)\.ts$|os\/files\/unix-socket\.ts$)/, 'all'],
      [/^src\/(runtime\/(ports|clock)\.ts$|core\/)/, 'type'],
    ],
    why: [
      [/^src\/(api\/|text\/|runtime\/wall-time\.ts$)/, 'all'],
      [/^src\/core\//, 'type'],
    ],
    api: [
      [/^src\/text\//, 'all'],
      [/^src\/core\//, 'type'],
    ],
    runtime: [[/^src\/core\//, 'all']],
    config: [
      [/^src\/text\//, 'all'],
      [/^src\/core\//, 'type'],
    ],
    text: [[/^src\/core\//, 'type']],
    core: [],
    errors: [],
  };
  const wrong = src.flatMap(({ path, imports }) => {
    const layer = layerOf(path);
    const allowed = arrows[layer];
    assert.ok(allowed, `${path}: "${layer}" is no layer of this program`);
    return imports.flatMap(({ from, isType }) => {
      if (!from.startsWith('.')) return [];
      const to = target(path, from);
      const isFine =
        layerOf(to) === layer ||
        // The errors, and the names of states and reasons, are words of all layers.
        to === 'src/errors.ts' ||
        to === 'src/core/model/states.ts' ||
        allowed.some(([pattern, what]) => pattern.test(to) && (what === 'all' || isType));
      return isFine ? [] : [`${path} imports ${isType ? 'types of ' : ''}${to}`];
    });
  });
  assert.deepEqual(wrong, []);
});

test('each folder of the source is a room of the table, and a room imports only rooms above it there', () => {
  const places = new Map(ROOMS.map(({ name }, place) => [name, place]));
  const rooms = new Set(src.map(({ path }) => roomOf(path)));
  assert.deepEqual(
    [...rooms].filter((room) => !places.has(room)),
    [],
    'rooms that test/rooms.ts does not know',
  );
  assert.deepEqual(
    ROOMS.filter(({ name }) => !rooms.has(name)).map(({ name }) => name),
    [],
    'rooms without a file',
  );
  const wrong = arrowsOf(src)
    .filter(({ from, to }) => roomOf(from) !== roomOf(to))
    .filter(({ from, to }) => (places.get(roomOf(to)) ?? 0) > (places.get(roomOf(from)) ?? 0))
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, []);
});

test('a room is entered through its doors', () => {
  const doors = new Map(ROOMS.map(({ name, doors }) => [name, doors]));
  const wrong = arrowsOf(src)
    .filter(({ from, to }) => roomOf(from) !== roomOf(to))
    .filter(({ to }) => doors.get(roomOf(to))?.includes(basename(to, '.ts')) === false)
    .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, []);
});

test('no import runs in a circle', () => {
  const imports = new Map<string, string[]>();
  for (const { from, to } of arrowsOf(src)) imports.set(from, [...(imports.get(from) ?? []), to]);
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) circles.push([...way.slice(way.indexOf(path)), path].join(' > '));
    if (done.has(path)) return;
    done.add(path);
    for (const to of imports.get(path) ?? []) visit(to, [...way, path]);
  };
  for (const path of imports.keys()) visit(path, []);
  assert.deepEqual(circles, []);
});

test('no folder holds more than can be looked over', () => {
  const files = new Map<string, number>();
  for (const { path } of src) files.set(dirname(path), (files.get(dirname(path)) ?? 0) + 1);
  assert.deepEqual(
    [...files].filter(([, count]) => count > MOST_FILES),
    [],
  );
});

test('no doc comment stands above another: one of them has lost what it was about', () => {
  none(
    src.filter(({ text }) => /\*\/\n[ \t]*\/\*\*/.test(text)),
    'two doc comments in a row',
  );
});

test('what a file exports, another one imports', () => {
  const importers = new Map<string, Source[]>();
  for (const source of [...src, ...tests]) {
    for (const { from } of source.imports.filter(({ from }) => from.startsWith('.'))) {
      const to = target(source.path, from);
      importers.set(to, [...(importers.get(to) ?? []), source]);
    }
  }
  // Programs that tests run in a process of their own name their imports in a string, those of the page in a comment.
  const others = [
    ...tests.filter(({ code }) => /\bimport\b[^;]*\$\{/.test(code)).map(({ code }) => code),
    ...below('src/http/page/browser').map((path) => readFileSync(join(repository, path), 'utf8')),
  ].join('\n');
  const unused = src.flatMap(({ path, code }) =>
    exportsOf(code)
      .filter((name) => !hasWord(others, name) && !importers.get(path)?.some(({ code }) => hasWord(code, name)))
      .map((name) => `${path} exports ${name}`),
  );
  assert.deepEqual(unused, [], 'what nobody else imports needs no `export`');
});

test('a name of a type means one thing: it is declared once', () => {
  const places = new Map<string, string[]>();
  for (const { path, code } of src) {
    for (const [, name = ''] of code.matchAll(/^(?:export )?(?:abstract )?(?:interface|type|class|enum) (\w+)/gm)) {
      places.set(name, [...(places.get(name) ?? []), path]);
    }
  }
  assert.deepEqual(
    [...places].filter(([, paths]) => paths.length > 1),
    [],
    'rename those that mean different things, merge those that are the same',
  );
});

test('a participle names a changed copy; what acts has a verb, what hears of an event begins with on', () => {
  const core = src.filter(({ path }) => path.startsWith('src/core/'));
  const functions = core.flatMap(({ path, code }) =>
    [...code.matchAll(/\bfunction ([a-z]+(?:ed|en))\([^)]*\): ([^{\n]+) \{/g)].map(([, name = '', result = '']) => ({
      path,
      name,
      result,
    })),
  );
  assert.ok(functions.length >= 4);
  assert.deepEqual(
    functions.filter(({ name, result }) => name !== 'proceed' && /^(void|Moved)$/.test(result)),
    [],
    'onX for events, a verb for what acts',
  );
});

test('relative imports name files that exist, with their ending', () => {
  const wrong = [...src, ...tests].flatMap(({ path, imports }) =>
    imports
      .filter(({ from }) => from.startsWith('.'))
      .filter(({ from }) => !from.endsWith('.ts') || !existsSync(resolve(repository, dirname(path), from)))
      .map(({ from }) => `${path} imports ${from}`),
  );
  assert.deepEqual(wrong, []);
});

test('core and config are pure: no node, no clock, no chance, no promise', () => {
  const pure = src.filter(({ path }) => /^src\/(core|config|text)\//.test(path));
  assert.ok(pure.length > 10);
  assert.deepEqual(
    pure.flatMap(({ path, imports }) =>
      imports.filter(({ from }) => from.startsWith('node:')).map(({ from }) => `${path} imports ${from}`),
    ),
    [],
  );
  for (const word of [/\bDate\b/, /\bset(Timeout|Interval|Immediate)\b/, /\bprocess\b(?!['":])/, /\bawait\b/]) {
    none(
      pure.filter(({ words }) => usesGlobal(words, word)),
      `${word} belongs into runtime/ or os/`,
    );
  }
  none(
    pure.filter(({ words }) => /\b(Math\.random|performance|crypto)\b/.test(words)),
    'chance and clocks come in as arguments',
  );
});

/** Who takes a later turn of the event loop without the clock, and why no test needs to hold that turn back. */
const OWN_TURNS: Readonly<Record<string, string>> = {
  'src/http/metrics/exposition.ts': 'between two metrics: the order of what is written does not depend on it',
  'src/http/server/turns.ts': 'one request a turn: its test counts turns, not time',
  'src/os/fifo/kernel.ts': 'turns of libuv itself: native code must not throw, and memory is released after its close',
};

/** Tests that measure real time: the number only falls. What can be simulated runs on the clock of test/simulation. */
const MOST_MEASURING = 13;

test('tests measure real time only of what is real: processes, disks, sockets, the event loop', () => {
  const measuring = tests.filter(
    ({ path, words }) =>
      /\.test\.ts$/.test(path) &&
      !/^test\/(e2e|systemd)\//.test(path) &&
      /\bperformance\.now\(|\bsystemClock\.now\(/.test(words),
  );
  const names = measuring.map(({ path }) => path).join('\n');
  assert.ok(measuring.length <= MOST_MEASURING, `${measuring.length} measure real time, more than before:\n${names}`);
});

test('spans in texts are in the units of the configuration: 5s, not 5000 ms', () => {
  none(
    src.filter(({ code }) => /\$\{[^}]*\} m?s\b/.test(code)),
    'use spanText or formatDuration',
  );
});

test('only runtime/system-clock.ts asks what time it is, and waits; only the composition root asks for it', () => {
  const clock = 'src/runtime/system-clock.ts';
  const others = src.filter(({ path }) => path !== clock);
  none(
    others.filter(({ words }) =>
      /\bnew Date\(\)|\bDate\.now\b|\bhrtime\b|\bset(Timeout|Interval)\(|\bperformance\./.test(words),
    ),
    'time is handed in: see Clock in src/runtime/clock.ts',
  );
  none(
    others.filter(
      ({ path, words }) => !(path in OWN_TURNS) && /\b(setImmediate\(|threadCpuUsage\(|cpuUsage\()/.test(words),
    ),
    'later turns and CPU time are handed in, too: see soon and cpuTime of Clock',
  );
  assert.deepEqual(
    Object.keys(OWN_TURNS).filter(
      (path) => !others.some((other) => other.path === path && /\bsetImmediate\(/.test(other.words)),
    ),
    [],
    'listed, and uses no turn of its own any more',
  );
  none(
    others.filter(({ path, words }) => path !== 'src/runtime/wall-time.ts' && /\bnew Date\b|\bDate\./.test(words)),
    'dates and their texts belong into src/runtime/wall-time.ts',
  );
  none(
    others.filter(({ imports }) => imports.some(({ from }) => /^node:(timers|perf_hooks)/.test(from))),
    `timers belong into ${clock}`,
  );
  none(
    src.filter(
      ({ path, imports }) => path !== 'src/main.ts' && imports.some(({ from }) => from.endsWith('/system-clock.ts')),
    ),
    'the time is handed in: only src/main.ts asks for the machine’s own',
  );
});

/** Who opens and looks at paths beside src/os/trust, and why nobody else can have prepared these. */
const OPENERS: Readonly<Record<string, string>> = {
  'src/main.ts': 'the package and the compile cache, whose folders it checks to the root',
  'src/cli/client/client.ts': 'the socket that an operator names, with his own rights',
  'src/cli/client/silence.ts': 'the PID file beside that socket, with his own rights',
  'src/cli/ctl/end.ts': 'whether that socket is there',
  'src/http/page/page.ts': 'opsd’s own program',
  'src/os/cgroup/cgroups.ts': 'cgroupfs',
  'src/os/cgroup/limits.ts': 'cgroupfs',
  'src/os/chain/tools.ts': 'programs of the host in fixed places',
  'src/os/config/facts.ts': 'cgroupfs',
  'src/os/config/file-pattern.ts': 'names in the folders of include, which are checked to the root where one is read',
  'src/os/fifo/fifo.ts': 'run/fifo, where nobody else can write; O_PATH first, as services may change owner and mode',
  'src/os/files/lock.ts': 'run/, where nobody else can write',
  'src/os/files/make-folders.ts': 'makes folders that run-dir.ts checks to the root',
  'src/os/files/own-file.ts': 'run/ and data/opsd, where nobody else can write; owner and kind are checked',
  'src/os/files/pid-files.ts': 'run/, where nobody else can write',
  'src/os/files/replace-file.ts': 'run/ and data/opsd; O_EXCL beside the file, and rename',
  'src/os/files/run-dir.ts': 'chmod of a folder that it has just made',
  'src/os/files/scale-file.ts': 'data/opsd, where nobody else can write; owner and kind are checked',
  'src/os/files/touch.ts': 'O_EXCL, where nothing was',
  'src/os/files/unix-socket.ts': 'run/, where nobody else can write',
  'src/os/log-file/service-log.ts': 'a descriptor that was found; names and lstat in the folder of logs',
  'src/os/output/fifo-outputs.ts': 'run/fifo, where nobody else can write',
  'src/os/output/stamped-batch.ts': 'run/batch, where nobody else can write',
  'src/os/own-log/line-sink.ts': 'a descriptor of opsd itself',
  'src/os/proc/descriptors.ts': '/proc',
  'src/os/proc/identity.ts': '/proc',
  'src/os/hang/hang-watcher.ts': 'a file below PREFIX/run, which is opsd’s alone; /proc/filesystems, /dev/fuse',
  'src/os/procfs/proc-file.ts': '/proc',
  'src/os/procfs/spare-descriptor.ts': '/dev/null',
  'src/os/processes/process-discovery.ts': '/proc',
  'src/os/processes/tree-memory.ts': '/proc',
  'src/os/readiness/notify-pipe.ts': 'run/notify, where nobody else can write',
  'src/os/readiness/ready-signals.ts': 'run/notify, where nobody else can write',
  'src/os/spawn/accounts.ts': '/etc/passwd and /etc/group',
  'src/os/spawn/inherited.ts': '/proc',
  'src/os/spawn/input.ts': 'run/, where nobody else can write',
  'src/os/spawn/launch-plan.ts': 'programs of the host in fixed places',
  'src/os/spawn/posix-spawner.ts': '/dev/null and descriptors of opsd itself',
  'src/os/spawn/preflight.ts': 'access(2): opens nothing, and tells only whether a command can be executed',
  'src/os/spawn/privileges.ts': '/proc',
  'src/os/systemd/own-unit.ts': '/proc',
  'src/os/watch/background-stat.ts': 'stat(2) in a thread of its own; what is found decides, not the way to it',
};

test('a path that somebody else may have prepared is opened in one room, src/os/trust', () => {
  const opens =
    /\b(?:f?open(?:Sync|AsBlob)?|opendir(?:Sync)?|(?:read|write|append|copy)File(?:Sync)?|create(?:Read|Write)Stream|l?stat(?:fs)?(?:Sync)?|exists(?:Sync)?|access(?:Sync)?|read(?:link|dir)(?:Sync)?|realpath(?:Sync)?|(?:l?ch(?:mod|own)|l?utimes|truncate|watch(?:File)?|cp|glob)(?:Sync)?)\b/;
  const importers = src.filter(({ path, code }) => {
    if (path.startsWith('src/os/trust/')) return false;
    const names = [...code.matchAll(/^import\s+(?!type\b)([^;'"]*?)\s+from\s+['"](?:node:)?fs(?:\/promises)?['"]/gm)];
    // `import fs` and `import * as fs` bring all of them.
    return names.some(([, what = '']) => !what.startsWith('{') || opens.test(what));
  });
  assert.deepEqual(
    importers.map(({ path }) => path).filter((path) => !(path in OPENERS)),
    [],
    'open it through src/os/trust/foreign-path.ts, or say here why nobody else can have prepared it',
  );
  const names = new Set(importers.map(({ path }) => path));
  assert.deepEqual(
    Object.keys(OPENERS).filter((path) => !names.has(path)),
    [],
    'listed, and opens nothing any more',
  );
  none(
    src.filter(({ code }) => /\b(?:require|getBuiltinModule|import)\(\s*['"](?:node:)?fs\b/.test(code)),
    'node:fs is imported at the head of a file',
  );
});

test('a signal is sent in one place, where identities are checked; one place ends the program', () => {
  none(
    src.filter(
      ({ path, words }) =>
        path !== 'src/os/proc/signals.ts' && /\bprocess\.kill\b|\bkill\b[^(]*from 'node:process'/.test(words),
    ),
    'process.kill belongs into src/os/proc/signals.ts',
  );
  // ChildProcess.kill: `child.kill()`, `child.kill('SIGTERM')`, `child?.kill(signal)`; those of services take two words.
  none(
    src.filter(({ code }) => /\bkill\(\s*(\)|['"`]|signal\b)/.test(code)),
    'a signal goes through sendSignal, which is told for whom it is',
  );
  none(
    src.filter(
      ({ path, words }) =>
        !/^src\/os\/spawn\/(posix-spawner|node-child)\.ts$/.test(path) && /\bnew Child\(/.test(words),
    ),
    'only who starts and reaps a child says that its number is its own',
  );
  none(
    src.filter(({ path, words }) => path !== 'src/main.ts' && /\bprocess\.exit\(/.test(words)),
    'process.exit belongs into src/main.ts',
  );
});

test('each package is imported by exactly one file, its types by whoever speaks of them', () => {
  const { dependencies } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  const importers = (name: string) =>
    src
      .filter(({ imports }) =>
        imports.some(({ from, isType }) => !isType && (from === name || from.startsWith(`${name}/`))),
      )
      .map(({ path }) => path);
  const names = Object.keys(dependencies);
  const wrong = names.map((name) => [name, importers(name)] as const).filter(([, files]) => files.length !== 1);
  assert.deepEqual(wrong, []);
  const strangers = src.flatMap(({ path, imports }) =>
    imports
      .filter(({ from }) => !/^(\.|node:)/.test(from))
      .filter(({ from }) => !names.some((name) => from === name || from.startsWith(`${name}/`)))
      .map(({ from }) => `${path} imports ${from}, which is no dependency`),
  );
  assert.deepEqual(strangers, []);
});

test('the global temporary folder is nobody’s', () => {
  none(
    src.filter(({ code }) => /['"`]\/tmp\b|\btmpdir\(/.test(code)),
    'nothing is kept in /tmp',
  );
});

test('nothing is silenced, nothing is put off', () => {
  const all = [...src, ...tests].filter(({ path }) => path !== 'test/tidy.test.ts');
  none(
    all.filter(({ text }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(text)),
    'do it now, or open an issue',
  );
  none(
    all.filter(({ text }) => /@ts-(ignore|expect-error|nocheck)|biome-ignore|eslint-/.test(text)),
    'say it so that the compiler understands',
  );
  none(
    all.filter(({ words }) => /\bas (any|unknown as)\b/.test(words)),
    'a cast to silence the compiler',
  );
});

test('names say what a file holds', () => {
  none(
    [...src, ...tests].filter(({ path }) =>
      /(^|\/|-)(utils?|helpers?|types|constants|common|misc)\.ts$|(^|\/)index\.ts$/.test(path),
    ),
    'name it after the thing that it holds',
  );
  none(
    [...src, ...tests].filter(({ path }) => !/^[a-z0-9/.-]+$/.test(path)),
    'file names are kebab-case',
  );
});

test('the project stands on its own', () => {
  const outside = /\bEDGE-CASES\b|\.\.\/shared\b|\/work\/(main|shared)\b/;
  const files = ['Makefile', 'README.md', 'package.json', ...below('cfg'), ...below('systemd'), ...below('.ci')];
  const named = files.filter((path) => existsSync(join(repository, path)));
  assert.deepEqual(
    named.filter((path) => outside.test(readFileSync(join(repository, path), 'utf8'))),
    [],
  );
  none(
    [...src, ...tests].filter(({ path, text }) => path !== 'test/tidy.test.ts' && outside.test(text)),
    'a path that only one machine has',
  );
});

test('the daemon is built in stages that can be read at once', () => {
  const root = src.filter(({ path }) => dirname(path) === 'src/daemon');
  const lengths = root.flatMap(({ path, text }) =>
    // The formatter puts the end of a function at the margin at which it began.
    [...text.matchAll(/^(?:export )?(?:async )?function (\w+)[\s\S]*?^\}$/gm)].map(
      ([body, name]) => [`${path} ${name}`, body.split('\n').length] as const,
    ),
  );
  assert.ok(lengths.length >= 5, 'no stages were found');
  assert.deepEqual(
    lengths.filter(([, lines]) => lines > LONGEST_STAGE),
    [],
  );
});

test('files stay short enough to be read at once', (t) => {
  for (const { path, text } of src) {
    const lines = text.split('\n').length - 1;
    if (lines > 300) t.diagnostic(`${path} has ${lines} lines; what of it is a thing of its own?`);
    assert.ok(lines <= 500, `${path} has ${lines} lines: divide it`);
  }
});

function none(wrong: readonly Source[], why: string): void {
  assert.deepEqual(
    wrong.map(({ path }) => path),
    [],
    why,
  );
}

/** The folder below src, or the name of a file that lies in src itself. */
function layerOf(path: string): string {
  return /^src\/([a-z-]+)/.exec(path)?.[1] ?? path;
}

/** The deepest folder below src, or the name of a file that lies in src itself. */
function roomOf(path: string): string {
  const folder = dirname(path);
  return folder === 'src' ? basename(path, '.ts') : folder.slice('src/'.length);
}

function target(path: string, from: string): string {
  return relative(repository, resolve(repository, dirname(path), from));
}

function arrowsOf(all: readonly Source[]): { readonly from: string; readonly to: string }[] {
  return all.flatMap(({ path, imports }) =>
    imports.filter(({ from }) => from.startsWith('.')).map(({ from }) => ({ from: path, to: target(path, from) })),
  );
}

/** As a name of its own: not `x.process`, nor a key `process:`. */
function usesGlobal(words: string, name: RegExp): boolean {
  return new RegExp(`(?<![.\\w#'"])${name.source}(?!\\??:)`).test(words);
}

function exportsOf(code: string): string[] {
  const declared = /^export (?:async )?(?:abstract )?(?:function\*?|class|const|let|interface|type) (\w+)/gm;
  return [...code.matchAll(declared)].map(([, name = '']) => name);
}

function hasWord(code: string, word: string): boolean {
  return new RegExp(`\\b${word}\\b`).test(code);
}

function below(folder: string): string[] {
  if (!existsSync(join(repository, folder))) return [];
  return readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)));
}

function sources(folder: string): Source[] {
  return below(folder)
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => {
      const text = readFileSync(join(repository, path), 'utf8');
      const code = withoutComments(text);
      return { path, text, code, words: withoutStrings(code), imports: importsOf(code) };
    });
}

/** Good enough for formatted code: strings hold no line breaks, regular expressions no unescaped slash in a comment's place. */
function withoutComments(text: string): string {
  return text.replace(
    /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|(?<=^|[\s;,{(])\/\/.*$/gm,
    '$1',
  );
}

/** Templates keep what they compute. */
function withoutStrings(code: string): string {
  return code
    .replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/g, "''")
    .replace(/`(?:\\.|[^`\\])*`/g, (template) => (template.match(/\$\{[^}]*\}/g) ?? []).join(' '));
}

function importsOf(code: string): Import[] {
  const statics = code.matchAll(/^(?:import|export)\s+(type\s+)?(?:([^;'"]*?)\s+from\s+)?['"]([^'"]+)['"]/gm);
  const dynamics = code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g);
  return [
    ...[...statics].map(([, type, what = '', from = '']) => ({
      from,
      isType: type !== undefined || namesTypesOnly(what),
    })),
    ...[...dynamics].map(([, from = '']) => ({ from, isType: false })),
  ];
}

/** `{ type A, type B }` */
function namesTypesOnly(what: string): boolean {
  const names =
    /^\{(.*)\}$/s
      .exec(what.trim())?.[1]
      ?.split(',')
      .map((name) => name.trim())
      .filter(Boolean) ?? [];
  return names.length > 0 && names.every((name) => name.startsWith('type '));
}
