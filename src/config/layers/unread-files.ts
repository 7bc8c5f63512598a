// What of a configuration nobody knows because files could not be read: what may be there is not told to be missing.

import type { SourceFile } from './layers.ts';

type Role = SourceFile['role'];

/** The rest was read, and is judged: all that is wrong with it is told at once. */
export interface UnreadFiles {
  /** A key that seems to be missing may be in config.toml or env.toml. */
  readonly hidesKeys: boolean;
  /** A service that seems to be missing may be in config.toml or a file it includes; env.toml is for overrides. */
  readonly hidesServices: boolean;
  /** Of no service it is known in which folder it runs, and as whom. */
  readonly hidesDefaults: boolean;
}

/** `unread`: files that could not be opened, beside those of `files` that could not be parsed. */
export function unreadFilesOf(files: readonly SourceFile[], unread: ReadonlySet<Role>): UnreadFiles {
  const isOpen = (role: Role) => unread.has(role) || files.some((file) => file.role === role && !file.document.ok);
  const base = isOpen('base');
  return { hidesKeys: base || isOpen('secret'), hidesServices: base || isOpen('include'), hidesDefaults: base };
}
