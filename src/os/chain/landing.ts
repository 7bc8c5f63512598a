// The landing, the last program of the exec chain: after privileges are dropped, it sets the service's environment and
// working directory and execs the service.

import { MARKER } from '../proc/marker.ts';
import { type Chain, type ChainTools, quote, shellStage } from './exec-chain.ts';
import { DEFAULT_PATH } from './tools.ts';

/** What the process becomes at the end of the chain. */
export interface LandingTarget {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** What is executed first. */
export interface Execution extends LandingTarget {
  /** Text that the landing reads on descriptor 0, which becomes /dev/null for the service; null: there is no chain. */
  readonly input: string | null;
}

/** Leads to `target` through the chain. `own`: the environment of opsd. */
export function executionOf(target: LandingTarget, chain: Chain, tools: ChainTools, own: NodeJS.ProcessEnv): Execution {
  const { argv, input } = landing(target, chain, tools);
  const [first = tools.sh, ...rest] = [...chain.stages, ...argv, ...target.command];
  const marker = target.environment[MARKER];
  return {
    command: [first, ...rest],
    cwd: '/',
    environment: {
      // The chain has the environment of opsd, not of the service, but the service's marker: if opsd is killed now, the
      // next one recognizes the process by it.
      ...(marker === undefined ? {} : { [MARKER]: marker }),
      PATH: own.PATH || DEFAULT_PATH,
      // Error messages of the tools do not depend on the host's language, and perl(1) complains of no missing locale.
      LANG: 'C',
    },
    input,
  };
}

const CANNOT_EXECUTE = 126;
const NOT_FOUND = 127;

/** Whether the exit code is one with which every shell ends when it cannot execute a command (126, 127). */
export function mayBeOfLanding(code: number | null): boolean {
  return code === CANNOT_EXECUTE || code === NOT_FOUND;
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Variables that are read-only in some shell (dash, bash, busybox, ksh, zsh), or that a shell sets itself. */
const OF_SHELLS =
  /^(?:_|IFS|PWD|OLDPWD|SHLVL|PPID|UID|EUID|GID|EGID|GROUPS|USERNAME|OPT(?:IND|ARG|ERR)|LINENO|S?RANDOM|SECONDS|EPOCH(?:SECONDS|REALTIME)|ERRNO|FUNCNAME|DIRSTACK|PIPESTATUS|HIST.*|SHELLOPTS|POSIXLY_CORRECT|BASH.*|KSH.*|ZSH.*|ENV|PS[0-4])$/;
/**
 * Bytes. A shell reorders variables: for a larger environment perl is used, so that the marker stays first and is found
 * soon.
 */
export const MOST_FOR_SHELL = 16 * 1024;

/** Name of a variable that no shell passes on unchanged; null: there is none. */
export function nameForNoShell(environment: Readonly<Record<string, string>>): string | null {
  for (const name in environment) if (!PLAIN_NAME.test(name) || OF_SHELLS.test(name)) return name;
  return null;
}

function isLarge(environment: Readonly<Record<string, string>>): boolean {
  // A lower bound: a character is at least one byte.
  return Object.entries(environment).reduce((size, pair) => size + pair.join('=').length + 1, 0) > MOST_FOR_SHELL;
}

interface Landing {
  readonly argv: readonly string[];
  readonly input: string;
}

function landing(target: LandingTarget, chain: Chain, tools: ChainTools): Landing {
  const isForShell = nameForNoShell(target.environment) === null && !isLarge(target.environment);
  return tools.perl === null || isForShell
    ? plainLanding(target, chain, tools)
    : exactLanding(target, chain, tools, tools.perl);
}

/**
 * A shell that reads its commands from descriptor 0: they are visible neither in ps(1) nor in /proc, they take no
 * descriptor that the service would inherit, and the tools before it do not read them.
 */
function plainLanding(
  { cwd, environment }: LandingTarget,
  { steps, last, hasSockets }: Chain,
  { sh }: ChainTools,
): Landing {
  const pairs = Object.entries(environment).map(([name, value]) => `${name}=${quote(value)}`);
  const lines = [
    ...steps,
    `cd -- ${quote(cwd)} || exit ${CANNOT_EXECUTE}`,
    // Variables of the chain, and the working directory, which a shell exports unasked.
    'unset LANG PWD OLDPWD',
    // Bash complains on stderr about an unknown locale.
    `export ${pairs.join(' ')} 2>/dev/null`,
    // The PID of the shell is that of the service, as exec keeps it.
    ...(hasSockets ? ['export LISTEN_PID=$$'] : []),
    // The shell reads this line as a whole before descriptor 0 is replaced.
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

/** perl(1) passes on every variable, in the given order. */
function exactLanding(
  { cwd, environment }: LandingTarget,
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
