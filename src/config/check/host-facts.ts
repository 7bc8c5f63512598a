// What the checks ask of the host: a valid configuration may not work on it.

import type { TlsFiles } from '../../core/model/config.ts';
import type { Launch } from '../../core/model/spec.ts';

/** What is at a path, symbolic links followed; `closed`: opsd may not enter a folder above it. */
export type PathFinding = 'missing' | 'closed' | 'directory' | 'other';

/** Can this program be executed in this folder? `searchPath`: PATH; null: the default one. */
export interface UserQuestion {
  readonly cwd: string;
  readonly program: string;
  readonly searchPath: string | null;
}

/** Why a program cannot be executed, and a remedy. `isOfFolder`: the folder cannot even be entered. */
export interface UserObstacle {
  readonly isOfFolder: boolean;
  readonly why: string;
}

export type FileText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

/** What the host has, or the container that opsd runs in. null: not known. */
export interface Capacity {
  /** Bytes. */
  readonly memory: number | null;
  readonly cpus: number | null;
}

/** What the kernel lets opsd give to the processes that it starts. */
export interface Privileges {
  readonly isRoot: boolean;
  /** Effective capabilities of opsd (`CAP_…`): in a container, root may have few. */
  readonly capabilities: ReadonlySet<string>;
  /** The bounding set: the most that a child of opsd can have. */
  readonly bounding: ReadonlySet<string>;
  /** The highest RLIMIT_NOFILE that opsd can set; null: not known. */
  readonly descriptors: number | null;
  /** The highest RLIMIT_CORE that opsd can set, in bytes; null: any. */
  readonly coreFile: number | null;
  /** `own`: the value that opsd has and every child inherits. `lowest`: the lowest that opsd can set. */
  readonly nice: { readonly own: number; readonly lowest: number };
  /** Without CAP_SYS_RESOURCE the score can be lowered only to `oom_score_adj_min`, which the kernel does not show. */
  readonly oomScoreAdj: { readonly own: number; readonly lowest: number };
}

/** The host as the checks see it. Implementations may cache answers while one configuration is loaded. */
export interface Facts {
  look(path: string): PathFinding;
  /** An absolute path without `..`, as the kernel walks it: behind a symbolic link, `..` is above what it leads to. */
  plainPath(path: string): string;
  /** Why `file`, the first word of a command, cannot be executed in the folder `cwd`; null: it can. `searchPath`: PATH; null: the default one. */
  whyNotExecutable(file: string, cwd: string, searchPath: string | null): string | null;
  /**
   * One answer to each question, asked with the rights of a service; null: the program can be executed, as far as that
   * is known. An empty list: the questions cannot be asked here.
   */
  whyUserMayNot(
    rights: Pick<Launch, 'user' | 'group' | 'capabilities'>,
    questions: readonly UserQuestion[],
  ): readonly (UserObstacle | null)[];
  /**
   * A text file that a service names, e.g. its env_file, as far as its user may read it. `user` and `group` as the
   * service has them; null: opsd's own. `why` completes "cannot be read: …".
   */
  readText(path: string, user: string | null, group: string | null): FileText;
  /** By name or number. */
  hasUser(user: string): boolean;
  hasGroup(group: string): boolean;
  /** Whether opsd itself runs as this user. */
  isSelf(user: string): boolean;
  /** Why this crontab(5) line is never due; null: it is. `timezone` null: the host's. */
  whyNotSchedule(cron: string, timezone: string | null): string | null;
  /** Why opsd cannot keep its files below this folder, and a remedy; null: it can, or the folder does not exist yet. */
  doubtOnPrefix(prefix: string): string | null;
  /** What other users could do to a folder of opsd's, such as that of the logs, and a remedy; null: nothing. */
  doubtOnFolder(path: string): string | null;
  /** Why opsd cannot keep its own heartbeat in this file, and a remedy; null: it can, as far as can be seen. */
  doubtOnHeartbeat(file: string): string | null;
  /** What is wrong with the files of the certificate: keys of daemon.tls, each with a sentence that quotes its path. */
  doubtsOnTls(files: TlsFiles): readonly { readonly key: 'cert' | 'key' | 'client_ca'; readonly why: string }[];
  /** Whether a regular expression is matched in time linear in the length of the text. */
  isLinear(pattern: string): boolean;
  capacity(): Capacity;
  privileges(): Privileges;
  /** Names of the listening sockets that systemd gives to opsd; null: not known. */
  sockets(): readonly string[] | null;
  /** Whether the host has cgroups, version 2. */
  hasCgroups(): boolean;
}
