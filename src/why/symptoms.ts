// What exit codes, signals and the error messages of programs usually mean, and which command shows more.

import { nameOfSignal } from '../text/signals.ts';

interface Symptom {
  /** The meaning, as part of a sentence. */
  readonly meaning: string;
  /** A command that shows more; null: none is known. */
  readonly command: string | null;
}

/** The conventions of shells (bash(1), EXIT STATUS) and of sysexits(3). A program need not follow them. */
const EXIT_CODES: Readonly<Record<number, string>> = {
  2: 'usually a wrong option or argument',
  64: 'wrong usage, by sysexits(3)',
  69: 'something it needs is not available, by sysexits(3)',
  77: 'a permission is missing, by sysexits(3)',
  78: 'its configuration is wrong, by sysexits(3)',
  126: 'a shell found a command that cannot be executed',
  127: 'a shell did not find a command',
};

const SIGNALS: Readonly<Record<string, string>> = {
  SIGABRT: 'it gave up by itself (abort), often a failed assertion',
  SIGBUS: 'it touched memory that is not there; a mapped file may have been truncated',
  SIGFPE: 'a forbidden calculation, such as a division by zero',
  SIGILL: 'an instruction that this processor does not have',
  SIGKILL: 'by the kernel for lack of memory, or by somebody with kill -9',
  SIGSEGV: 'it touched memory that is not its own: a bug in native code',
  SIGSYS: 'a system call that its sandbox forbids',
  SIGTERM: 'somebody other than opsd told it to end',
  SIGHUP: 'somebody hung up on it or asked it to reload, and it has no handler',
  SIGINT: 'somebody interrupted it',
  SIGPIPE: 'it wrote to somebody who had gone',
  SIGUSR1: 'a signal that it has no handler for',
  SIGUSR2: 'a signal that it has no handler for',
  SIGXCPU: 'it used more CPU time than its limit allows',
  SIGXFSZ: 'it wrote a file larger than its limit allows',
};

const CORE_DUMPED = new Set(['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGSYS']);

/** A shell exits with 128 + n when signal n killed its child. */
const SHELL_SIGNALS = 128;
/** Beyond these, a program is as likely to have chosen the code by itself. */
const TOLD_BY_SHELLS = new Set(
  ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL'].concat([
    'SIGSEGV',
    'SIGPIPE',
    'SIGALRM',
    'SIGTERM',
    'SIGUSR1',
    'SIGUSR2',
    'SIGSYS',
  ]),
);

export function meaningOfExit(code: number | null, signal: string | null): Symptom | null {
  if (signal !== null) {
    const meaning = signal.startsWith('SIGRT') ? SIGNALS.SIGUSR1 : SIGNALS[signal];
    if (meaning === undefined) return null;
    if (signal === 'SIGKILL') return { meaning, command: `journalctl -k --grep='out of memory|oom' -n 20` };
    return { meaning, command: CORE_DUMPED.has(signal) ? 'coredumpctl info' : null };
  }
  if (code === null) return null;
  const byShell = nameOfSignal(code - SHELL_SIGNALS);
  const meaning =
    byShell === null || !TOLD_BY_SHELLS.has(byShell)
      ? EXIT_CODES[code]
      : `a shell says that its command was killed by ${byShell}`;
  return meaning === undefined ? null : { meaning, command: null };
}

interface Pattern extends Symptom {
  readonly sign: RegExp;
}

/** Error messages of libc, Node, Python, Java, Go and Rust. The first pattern that matches any line wins. */
const PATTERNS: readonly Pattern[] = [
  {
    sign: /EADDRINUSE|address (is )?already in use|port is already allocated/i,
    meaning: 'the port it wants is in use by another process',
    command: 'ss -ltnp',
  },
  {
    sign: /\bENOSPC\b|no space left on device|EDQUOT|disk quota exceeded/i,
    meaning: 'the disk is full',
    command: 'df -h && df -i',
  },
  {
    sign: /JavaScript heap out of memory|java\.lang\.OutOfMemoryError|MemoryError|ENOMEM|cannot allocate memory|out of memory/i,
    meaning: 'it ran out of memory',
    command: 'free -m',
  },
  {
    sign: /ECONNREFUSED|connection refused/i,
    meaning: 'something it connects to does not answer',
    command: 'opsd ctl status',
  },
  {
    sign: /\b(ENOTFOUND|EAI_AGAIN)\b|name or service not known|temporary failure in name resolution|no such host/i,
    meaning: 'a host name it needs does not resolve',
    command: 'cat /etc/resolv.conf',
  },
  { sign: /\b(EMFILE|ENFILE)\b|too many open files/i, meaning: 'it has too many files open', command: null },
  {
    sign: /\bEROFS\b|read-only file system/i,
    meaning: 'it writes to a file system that is read-only',
    command: 'findmnt',
  },
  {
    sign: /\b(EACCES|EPERM)\b|permission denied|operation not permitted/i,
    meaning: 'a permission is missing',
    command: null,
  },
  {
    sign: /Cannot find (module|package)|ModuleNotFoundError|ImportError|ClassNotFoundException|error while loading shared libraries/i,
    meaning: 'a module or library is not installed',
    command: null,
  },
  { sign: /command not found|: not found$/i, meaning: 'a command it calls does not exist', command: null },
  { sign: /\bENOENT\b|no such file or directory/i, meaning: 'a file it needs does not exist', command: null },
  {
    sign: /SyntaxError|IndentationError|unexpected token/i,
    meaning: 'the program, or a file it reads, cannot be parsed',
    command: null,
  },
  {
    sign: /^panic:|panicked at|Traceback \(most recent call last\)|Unhandled|Uncaught|Exception in thread/i,
    meaning: 'an error in the program that nobody caught',
    command: null,
  },
];

export interface Finding extends Symptom {
  /** The line of output that matched, as the program wrote it. */
  readonly line: string;
  /** The line was written by a tool of the exec chain, not by the program. */
  readonly isByOpsd: boolean;
}

/** A line with these words says more than the fields of an error that Node prints below it. */
const HEADLINE = /error|exception|fatal|panic/i;

/** Only the beginning of a longer line is searched. */
const LONGEST_SEARCHED = 500;

/** What the last lines of output say about the end of a program: a headline before a later line. null: no match. */
export function findingIn(lines: readonly string[]): Finding | null {
  for (const { sign, meaning, command } of PATTERNS) {
    const telling = lines.map((each) => each.slice(0, LONGEST_SEARCHED)).filter((each) => sign.test(each));
    const line = telling.findLast((each) => HEADLINE.test(each)) ?? telling.at(-1);
    if (line !== undefined) return { meaning, command, line, isByOpsd: false };
  }
  return null;
}
