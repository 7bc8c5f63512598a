// Command lines that are wrong in a way that many people write them, with the right one.

import { sanitised } from '../../text/harmless.ts';
import { COMMANDS } from './commands.ts';

/** The commands of supervisorctl, pm2, systemctl, docker and nginx. */
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ...['list', 'ls', 'ps', 'avail', 'jlist', 'info', 'show'].map((word) => [word, 'status'] as const),
  ...['tail', 'log', 'journal'].map((word) => [word, 'logs'] as const),
  ...['kill'].map((word) => [word, 'signal'] as const),
  ...['delete', 'down'].map((word) => [word, 'stop'] as const),
  ...['up'].map((word) => [word, 'start'] as const),
  ...['update', 'reread'].map((word) => [word, 'reload'] as const),
  ...['describe', 'explain'].map((word) => [word, 'why'] as const),
  ...['monit', 'monitor'].map((word) => [word, 'top'] as const),
  ...['validate', 'verify', 'configtest', 'lint'].map((word) => [word, 'check'] as const),
  ...['daemon', 'serve', 'supervise'].map((word) => [word, 'run'] as const),
]);

/** `opsd help ctl rollout` and `opsd help rollout` are `opsd ctl rollout --help`. */
export function withHelp(argv: readonly string[]): readonly string[] {
  const [first, ...words] = argv;
  if (first !== 'help' || words.length === 0) return argv;
  const path = pathOf(words) ?? pathOf(['ctl', ...words]);
  return path === null ? argv : [...path, '--help'];
}

/** What to write instead, as a sentence; null: this is no turn that is known. */
export function rightTurn(argv: readonly string[]): string | null {
  const [first = '', second = ''] = argv;
  if (first === 'help' && second !== '' && withHelp(argv) === argv)
    return meant(second, [], second) ?? unknown(argv.slice(1));
  if (first.startsWith('-') || first === 'help') return null;
  if (first === 'ctl') {
    if (second === '' || second.startsWith('-') || second === 'help' || pathOf(['ctl', second]) !== null) return null;
    return meant(second, argv.slice(2), `ctl ${second}`);
  }
  if (pathOf([first]) === null) return meant(first, argv.slice(1), first);
  return fileAsOperand(argv);
}

function unknown(words: readonly string[]): string {
  return `there is no command 'opsd ${sanitised(words.join(' '))}'; see them with: opsd --help`;
}

function meant(word: string, rest: readonly string[], written: string): string | null {
  const name = SYNONYMS.get(word.toLowerCase()) ?? word;
  const path = pathOf(['ctl', name]) ?? pathOf([name]);
  if (path === null) return null;
  const line = ['opsd', ...path, ...rest].map((part) => sanitised(part)).join(' ');
  return `there is no command 'opsd ${sanitised(written)}'; write: ${line}`;
}

/** `opsd check FILE`: these commands take the file as an option. */
function fileAsOperand(argv: readonly string[]): string | null {
  const [name = '', ...rest] = argv;
  const command = COMMANDS.find(({ path }) => path.length === 1 && path[0] === name);
  if (command === undefined || !command.options.some((option) => option.name === 'config')) return null;
  const file = rest.find((word, place) => {
    const before = rest[place - 1]?.replace(/^--?/, '') ?? '';
    const isValue = command.options.some(
      ({ name: long, short, value }) => value !== undefined && (before === long || before === short),
    );
    return !word.startsWith('-') && !isValue;
  });
  if (file === undefined) return null;
  return `'opsd ${name}' takes the file as an option; write: opsd ${name} --config ${sanitised(file)}`;
}

/** The path of a command, or of a group; null: there is none. */
function pathOf(words: readonly string[]): readonly string[] | null {
  if (words.length === 1 && words[0] === 'ctl') return words;
  return COMMANDS.find(({ path }) => path.join(' ') === words.join(' '))?.path ?? null;
}
