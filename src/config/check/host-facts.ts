// What the checks ask of the machine: a configuration can be right in form and still not work here.

import type { Launch, TlsFiles } from '../../core/model/spec.ts';

/** What is at a path, symbolic links followed; `closed`: a folder above it may not be entered. */
export type Look = 'missing' | 'closed' | 'directory' | 'other';

/** Whether a program can be executed in a folder. `searchPath`: null for the usual PATH. */
export interface UserQuestion {
  readonly cwd: string;
  readonly program: string;
  readonly searchPath: string | null;
}

/** Why not, and what to do; `isOfFolder`: not even the folder can be entered. */
export interface UserObstacle {
  readonly isOfFolder: boolean;
  readonly why: string;
}

export type FileText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

/** What there is of it at most. null: nobody knows. */
export interface Capacity {
  /** Bytes. */
  readonly memory: number | null;
  readonly cpus: number | null;
}

/** What the kernel lets opsd give to the processes that it starts. */
export interface Privileges {
  readonly isRoot: boolean;
  /** Its effective capabilities (`CAP_…`): that it is root says little in a container. */
  readonly capabilities: ReadonlySet<string>;
  /** All that a process below it can ever have (the bounding set). */
  readonly bounding: ReadonlySet<string>;
  /** The highest RLIMIT_NOFILE; null: nobody knows. */
  readonly descriptors: number | null;
  /** The highest RLIMIT_CORE, in bytes; null: any. */
  readonly coreFile: number | null;
  /** `own`: what a process has that nothing is done to. */
  readonly nice: { readonly own: number; readonly lowest: number };
  /** Without CAP_SYS_RESOURCE the kernel may go down to where somebody with it once was, but tells nobody where that is. */
  readonly oomScoreAdj: { readonly own: number; readonly lowest: number };
}

/** Answers are those of one moment: implementations keep them while one configuration is loaded. */
export interface Facts {
  look(path: string): Look;
  /** Why `file`, the first word of a command, cannot be executed in the folder `cwd`; null: it can. `searchPath`: null for the usual PATH. */
  whyNotExecutable(file: string, cwd: string, searchPath: string | null): string | null;
  /**
   * What stands in the way of somebody with the rights of a service, one answer a question; null: nothing, as far as that
   * is known. Empty: nobody is asked.
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
  /** Whether opsd runs as this user itself. */
  isSelf(user: string): boolean;
  /** Why nothing would ever be started by this line of a crontab; null: something would. `timezone` null: the host's. */
  whyNotSchedule(cron: string, timezone: string | null): string | null;
  /** Why nothing can be kept below this folder, and what to do; null: it can, or the folder is not there yet. */
  doubtOnPrefix(prefix: string): string | null;
  /** What others could do in the folder of the logs, or with it, and how to prevent it; null: nothing. */
  doubtOnLogFolder(path: string): string | null;
  /** What is wrong with the files of a certificate: each a key of daemon.tls, and a sentence about its path. */
  doubtsOnTls(files: TlsFiles): readonly { readonly key: 'cert' | 'key' | 'client_ca'; readonly why: string }[];
  /** Whether a regular expression can be matched in a time that only the length of the text decides. */
  isLinear(pattern: string): boolean;
  capacity(): Capacity;
  privileges(): Privileges;
  /** Names of the listening sockets that opsd was given, or would be; null: nobody knows. */
  sockets(): readonly string[] | null;
  /** Whether there is a hierarchy of cgroups, version 2. */
  hasCgroups(): boolean;
}
