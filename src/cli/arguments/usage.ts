// The help, and the explanation of a wrong command line, by commander.

import { Command, CommanderError } from 'commander';
import { COMMANDS, type CommandSpec, type OptionSpec, type Parsed } from './commands.ts';
import { rightTurn, withHelp } from './wrong-turns.ts';

type ParsedUsage =
  | { readonly kind: 'parsed'; readonly parsed: Parsed }
  /** The text of the help or the version. */
  | { readonly kind: 'told'; readonly text: string }
  | { readonly kind: 'wrong'; readonly text: string };

const DESCRIPTION = 'A process supervisor whose services outlive it.';
const EXIT_CODES = 'Exit codes: 0 success, 1 configuration or usage error, 2 runtime error.';

export function explainUsage(argv: readonly string[], version: string): ParsedUsage {
  let told = '';
  let parsed: Parsed | null = null;
  const write = (text: string) => {
    told += text;
  };
  const program = configure(new Command('opsd'), 'opsd', write)
    .description(DESCRIPTION)
    .version(version, '-V, --version', 'print the version')
    .addHelpText('after', `\n${EXIT_CODES}`)
    .helpCommand('help [command]', 'print the help of a command');
  const groups = new Map<string, Command>([['', program]]);
  for (const spec of COMMANDS) {
    const parent = groupOf(spec, groups, program, write);
    const name = ['opsd', ...spec.path].join(' ');
    const command = configure(parent.command(spec.path.at(-1) ?? ''), name, write).description(spec.summary);
    for (const operand of spec.operands) command.argument(operand);
    for (const option of spec.options) command.option(flagsOf(option), option.help);
    if (spec.more !== undefined) command.addHelpText('after', `\n${spec.more}`);
    command.action(() => {
      parsed = { command: spec, operands: command.args, options: valuesOf(spec, command) };
    });
  }
  const right = rightTurn(argv);
  if (right !== null) return { kind: 'wrong', text: `opsd: ${right}\n` };
  try {
    program.parse(withHelp(argv), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? { kind: 'told', text: told } : { kind: 'wrong', text: told };
  }
  return parsed === null ? { kind: 'wrong', text: told } : { kind: 'parsed', parsed };
}

/** `name`: the whole command as a user types it. */
function configure(command: Command, name: string, write: (text: string) => void): Command {
  return command
    .exitOverride()
    .configureOutput({
      writeOut: write,
      writeErr: write,
      outputError: (text) => write(text.replace(/^error: /, 'opsd: ')),
    })
    .showHelpAfterError(`(try: ${name} --help)`)
    .showSuggestionAfterError();
}

/** The command that a subcommand belongs to: `ctl` for `ctl status`. */
function groupOf(
  { path }: CommandSpec,
  groups: Map<string, Command>,
  program: Command,
  write: (text: string) => void,
): Command {
  const name = path.slice(0, -1).join(' ');
  const known = groups.get(name);
  if (known !== undefined) return known;
  const group = configure(program.command(name), `opsd ${name}`, write)
    .description('control the running opsd')
    .addHelpText('after', `\n${EXIT_CODES}`);
  groups.set(name, group);
  return group;
}

function flagsOf({ name, short, value }: OptionSpec): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`;
}

/** Values by option name. In commander an option `--no-x` is the value x, which is true until the option is given. */
function valuesOf({ options }: CommandSpec, command: Command): Parsed['options'] {
  const given = command.opts<Record<string, string | boolean | undefined>>();
  return Object.fromEntries(
    options.map(({ name }) => {
      const key = name.replace(/^no-/, '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
      return [name, name.startsWith('no-') ? given[key] === false : given[key]];
    }),
  );
}
