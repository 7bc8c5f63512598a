// Where the exec chain ends: behind the change of rights, the service's environment and folder come into force, and the service begins.

import { MARKER } from '../proc/marker.ts';
import { type Chain, type ChainTools, quote, shellStage } from './exec-chain.ts';
import { DEFAULT_PATH } from './tools.ts';

/** What a process is to become. */
export interface Target {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** What is executed to get there. */
export interface Execution extends Target {
  /** What the landing finds on descriptor 0, which is /dev/null for the service; null: there is no chain, and no landing. */
  readonly input: string | null;
}

/** Through the chain. `own`: the environment of opsd itself. */
export function executionOf(target: Target, chain: Chain, tools: ChainTools, own: NodeJS.ProcessEnv): Execution {
  const { argv, input } = landing(target, chain, tools);
  const [first = tools.sh, ...rest] = [...chain.stages, ...argv, ...target.command];
  const marker = target.environment[MARKER];
  return {
    command: [first, ...rest],
    cwd: '/',
    environment: {
      // Of opsd, not of the service: should opsd be killed now, the next one knows by it what this process is.
      ...(marker === undefined ? {} : { [MARKER]: marker }),
      PATH: own.PATH || DEFAULT_PATH,
      // What a tool says in case of need does not depend on the host's language, and perl(1) does not miss one.
      LANG: 'C',
    },
    input,
  };
}

const CANNOT_EXECUTE = 126;
const NOT_FOUND = 127;

/** Whether a landing that could not become the service ends with this exit code, as every shell does. */
export function mayBeOfLanding(code: number | null): boolean {
  return code === CANNOT_EXECUTE || code === NOT_FOUND;
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** These are read-only in one shell or another (dash, bash, busybox, ksh, zsh), or the shell gives them values of its own. */
const OF_SHELLS =
  /^(?:_|IFS|PWD|OLDPWD|SHLVL|PPID|UID|EUID|GID|EGID|GROUPS|USERNAME|OPT(?:IND|ARG|ERR)|LINENO|S?RANDOM|SECONDS|EPOCH(?:SECONDS|REALTIME)|ERRNO|FUNCNAME|DIRSTACK|PIPESTATUS|HIST.*|SHELLOPTS|POSIXLY_CORRECT|BASH.*|KSH.*|ZSH.*|ENV|PS[0-4])$/;
/** A shell puts variables into an order of its own: a larger environment keeps its order, so that the marker is soon found. */
export const MOST_FOR_SHELL = 16 * 1024;

/** null: a shell can pass on all of them as they are. */
export function nameForNoShell(environment: Readonly<Record<string, string>>): string | null {
  for (const name in environment) if (!PLAIN_NAME.test(name) || OF_SHELLS.test(name)) return name;
  return null;
}

function isLarge(environment: Readonly<Record<string, string>>): boolean {
  // At least: a character is one byte or more.
  return Object.entries(environment).reduce((size, pair) => size + pair.join('=').length + 1, 0) > MOST_FOR_SHELL;
}

interface Landing {
  readonly argv: readonly string[];
  readonly input: string;
}

function landing(target: Target, chain: Chain, tools: ChainTools): Landing {
  const isForShell = nameForNoShell(target.environment) === null && !isLarge(target.environment);
  return tools.perl === null || isForShell
    ? plainLanding(target, chain, tools)
    : exactLanding(target, chain, tools, tools.perl);
}

/**
 * A shell that reads its commands from descriptor 0: what is there neither ps(1) nor /proc shows to anybody, it needs no
 * descriptor that the service could inherit, and the tools before it do not read it.
 */
function plainLanding({ cwd, environment }: Target, { steps, last, hasSockets }: Chain, { sh }: ChainTools): Landing {
  const pairs = Object.entries(environment).map(([name, value]) => `${name}=${quote(value)}`);
  const lines = [
    ...steps,
    `cd -- ${quote(cwd)} || exit ${CANNOT_EXECUTE}`,
    // What the chain had, and the working directory, which the shell exports without being asked.
    'unset LANG PWD OLDPWD',
    // A shell that is bash says on stderr what it thinks of a locale.
    `export ${pairs.join(' ')} 2>/dev/null`,
    // Its own number: the shell becomes the service.
    ...(hasSockets ? ['export LISTEN_PID=$$'] : []),
    // Read as a whole: what follows on descriptor 0 is gone.
    `{ ${['exec <>/dev/null', ...last, 'exec "$@"'].join('; ')}; }`,
  ];
  return { argv: [sh, '-s', '--'], input: `${lines.join('\n')}\n` };
}

const EXACTLY = [
  'binmode STDIN; local $/; my ($cwd, $sockets, @pairs) = split /\\0/, scalar <STDIN>, -1; %ENV = ();',
  'for (@pairs) { my ($name, $value) = split /=/, $_, 2; $ENV{$name} = $value }',
  '$ENV{LISTEN_PID} = $$ if $sockets;',
  `unless (chdir $cwd) { print STDERR "opsd: cannot enter $cwd: $!\\n"; exit ${CANNOT_EXECUTE} }`,
  'open STDIN, "+<", "/dev/null"; exec { $ARGV[0] } @ARGV;',
  `print STDERR "opsd: cannot execute $ARGV[0]: $!\\n"; exit($! == 2 ? ${NOT_FOUND} : ${CANNOT_EXECUTE})`,
].join('\n');

/** perl(1) passes on every variable, in the order in which it is given them. */
function exactLanding(
  { cwd, environment }: Target,
  { steps, last, hasSockets }: Chain,
  tools: ChainTools,
  perl: string,
): Landing {
  const pairs = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return {
    argv: [...shellStage([...steps, ...last], tools), perl, '-e', EXACTLY, '--'],
    input: [cwd, hasSockets ? '1' : '', ...pairs].join('\0'),
  };
}
