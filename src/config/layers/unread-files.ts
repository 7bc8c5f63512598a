// Which parts of a configuration are unknown because files could not be read: nothing in them is reported as missing.

import type { SourceFile } from './layers.ts';

type Role = SourceFile['role'];

/** The unknown parts of the configuration. The rest is checked as usual, so that all its problems are reported at once. */
export interface UnreadFiles {
  /** A missing key may be in config.toml or env.toml. */
  readonly hidesKeys: boolean;
  /** A missing service may be in config.toml or an included file; env.toml has only overrides. */
  readonly hidesServices: boolean;
  /** [defaults] is unknown, and with it the cwd and the user of every service. */
  readonly hidesDefaults: boolean;
}

/** `unread`: roles of files that could not be opened; files that could not be parsed are in `files`. */
export function unreadFilesOf(files: readonly SourceFile[], unread: ReadonlySet<Role>): UnreadFiles {
  const isOpen = (role: Role) => unread.has(role) || files.some((file) => file.role === role && !file.document.ok);
  const base = isOpen('base');
  return { hidesKeys: base || isOpen('secret'), hidesServices: base || isOpen('include'), hidesDefaults: base };
}
