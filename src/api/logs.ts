// The log files of a service, as `ctl logs` and the API read them.

import type { FileHandle } from 'node:fs/promises';

export interface ServiceLog {
  /** Why opsd refuses to read the log, in one sentence; null: it may be read, or does not exist yet. */
  whyNot(): string | null;
  /** null: there is no file. Rejects where the path is not a log file of the service. The caller closes the handle. */
  open(): Promise<FileHandle | null>;
  /** The log file that was rotated last. */
  openRotated(): Promise<FileHandle | null>;
  /** The inode of the file that has the log's name now; null: there is none. */
  inode(): number | null;
  /** The path of the newest rotated file before those two; null: there is none. */
  older(): Promise<string | null>;
}
