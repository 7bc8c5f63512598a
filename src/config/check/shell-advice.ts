// Warns of a shell that stays in front of a single command and gets its signals.

const SHELLS = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh']);

/** First words of a script that needs its shell: built-in commands, and keywords. */
const SHELL_WORDS = new Set([
  ...['.', ':', '[', '!', 'alias', 'break', 'case', 'cd', 'command', 'continue', 'echo', 'eval', 'exec', 'exit'],
  ...['export', 'false', 'for', 'function', 'if', 'kill', 'let', 'printf', 'pwd', 'read', 'return', 'select', 'set'],
  ...['shift', 'source', 'test', 'trap', 'true', 'type', 'ulimit', 'umask', 'unset', 'until', 'wait', 'while'],
]);

/** Advice for a command such as `["sh", "-c", "node server.js"]`; null: the shell is needed, or there is none. */
export function adviseOnShell(command: readonly string[]): string | null {
  const [file = '', option = '', script = '', ...rest] = command;
  if (!SHELLS.has(file.slice(file.lastIndexOf('/') + 1)) || !/^-[a-z]*c$/.test(option) || rest.length > 0) return null;
  if (!isSingleCommand(script)) return null;
  return 'the shell may stay in front of this one command and keep its signals; put exec in front of it, or leave the shell out';
}

function isSingleCommand(script: string): boolean {
  const unquoted = script
    .trim()
    .replace(/\\[\s\S]/g, '_')
    .replace(/'[^']*'/g, '_')
    .replace(/"[^"]*"/g, '_');
  const [first = ''] = unquoted.split(/\s+/);
  return first !== '' && !/[;|&\n()`{}]/.test(unquoted) && !SHELL_WORDS.has(first) && !first.includes('=');
}
