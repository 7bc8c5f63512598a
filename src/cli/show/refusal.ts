// An error of missing permissions as a sentence with a remedy: it is no bug of opsd and needs no stack trace.

/** null: the error has another cause. */
export function describeRefusal(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  const { code, path, syscall }: { code?: unknown; path?: unknown; syscall?: unknown } = error;
  if (syscall === 'uv_cwd')
    return 'the working directory no longer exists, or you may not enter it; change to another one';
  if (code !== 'EACCES' && code !== 'EPERM') return null;
  const what = typeof path === 'string' ? ` to use ${path}` : typeof syscall === 'string' ? ` for ${syscall}` : '';
  return `no permission${what}; use sudo, or run it as the user that opsd runs as`;
}
