// The log of a service, for who reads it to people.

import type { FileHandle } from 'node:fs/promises';

export interface ServiceLog {
  /** Why nothing of it is read, in one sentence; null: it is, or is not there yet. */
  whyNot(): string | null;
  /** null: there is none. Rejects where something else is in its place. The caller closes it. */
  open(): Promise<FileHandle | null>;
  /** The one before it, which was rotated away. */
  openRotated(): Promise<FileHandle | null>;
  /** Of what has its name now; null: nothing. */
  inode(): number | null;
  /** The path of the newest file that is older than these; null: there is none. */
  older(): Promise<string | null>;
}
