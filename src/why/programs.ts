// The programs that a command starts: behind launchers such as env and sudo, and in the script of a shell.

/** A program and its arguments, as far as they can be read without a shell. */
export interface Program {
  /** Without its folder. */
  readonly name: string;
  readonly args: readonly string[];
}

const SHELLS = new Set(['sh', 'bash', 'dash', 'zsh', 'ksh', 'ash', 'busybox', 'fish']);
/** What becomes, or runs, the command behind it. */
const LAUNCHERS = new Set(
  'env exec sudo doas nohup setsid nice ionice stdbuf time timeout chpst gosu su-exec tini dumb-init setpriv chrt taskset unshare'.split(
    ' ',
  ),
);
/** Options of launchers with a word behind them: `sudo -u web`. */
const OPTIONS_WITH_WORD = /^-[ugnUGC]$|^--(user|group|chdir)$/;
/** Characters of a script that are looked at. */
const LONGEST_SCRIPT = 2_000;

/** The first one is what `command` itself names. */
export function programsOf(command: readonly string[]): readonly Program[] {
  const own = programAt(command);
  if (own === null) return [];
  const script = SHELLS.has(own.name) ? scriptOf(own.args) : null;
  if (script === null) return [own];
  const parts = script.slice(0, LONGEST_SCRIPT).split(/[;\n|&]+|\bthen\b|\bdo\b/);
  const within = parts.map((part) => programAt(part.trim().split(/\s+/))).filter((program) => program !== null);
  return [own, ...within];
}

/** Whether a shell reads its commands from its input: neither `-c` nor a file. */
export function isShellWithoutScript({ name, args }: Program): boolean {
  return SHELLS.has(name) && args.every((arg) => arg.startsWith('-') && !/^-\w*c/.test(arg));
}

function scriptOf(args: readonly string[]): string | null {
  const at = args.findIndex((arg) => /^-\w*c$/.test(arg));
  return at === -1 ? null : (args[at + 1] ?? null);
}

/** Skips launchers with their options, and variables that are set in front. */
function programAt(words: readonly string[]): Program | null {
  let isLaunched = false;
  for (const [at, word] of words.entries()) {
    const name = nameOf(word);
    if (/^\w+=/.test(word)) continue;
    if (isLaunched && (/^(-|\d)/.test(word) || OPTIONS_WITH_WORD.test(words[at - 1] ?? ''))) continue;
    if (LAUNCHERS.has(name)) {
      isLaunched = true;
      continue;
    }
    return name === '' ? null : { name, args: words.slice(at + 1) };
  }
  return null;
}

function nameOf(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}
