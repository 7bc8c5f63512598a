// Parses the arguments of a correct command line without loading commander; commander explains everything else.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { COMMANDS, type CommandSpec, type Parsed } from './commands.ts';

/** null: the user asks for help, or the command line is wrong. */
export function parsePlain(argv: readonly string[]): Parsed | null {
  const command = COMMANDS.find(({ path }) => path.every((word, place) => argv[place] === word));
  if (command === undefined) return null;
  try {
    const { values, positionals } = parseArgs({
      args: argv.slice(command.path.length),
      options: optionsOf(command),
      allowPositionals: true,
      strict: true,
    });
    const options = values as Parsed['options'];
    return isEnough(command, positionals.length) ? { command, operands: positionals, options } : null;
  } catch {
    return null;
  }
}

function optionsOf({ options }: CommandSpec): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(
    options.map(({ name, short, value }) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
}

function isEnough({ operands }: CommandSpec, given: number): boolean {
  const least = operands.filter((operand) => operand.startsWith('<')).length;
  const most = operands.some((operand) => operand.includes('...')) ? Number.POSITIVE_INFINITY : operands.length;
  return given >= least && given <= most;
}
