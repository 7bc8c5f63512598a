// The facts of this host that the checks of a configuration ask for; each is looked up once.

import { existsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type {
  Capacity,
  Facts,
  FileText,
  PathFinding,
  Privileges,
  UserObstacle,
  UserQuestion,
} from '../../config/check/host-facts.ts';
import type { TlsFiles } from '../../core/model/config.ts';
import type { Launch, Millis } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { dateOf } from '../../runtime/wall-time.ts';
import { rightsStage } from '../chain/exec-chain.ts';
import { chainTools, DEFAULT_PATH } from '../chain/tools.ts';
import { askUserNow, nameOfUser } from '../chain/user-view.ts';
import { EXPIRES_SOON, readCertificates, type TlsDoubt } from '../files/certificates.ts';
import { doubtOnFolder, doubtOnHeartbeat, doubtOnPrefix } from '../files/run-dir.ts';
import { type ReadingUser, readTextFile } from '../files/text-file.ts';
import { linearPattern } from '../readiness/linear-pattern.ts';
import { accountOf, groupIdOf } from '../spawn/accounts.ts';
import { credentialsOf } from '../spawn/credentials.ts';
import { ownAccount } from '../spawn/environment.ts';
import { preflight } from '../spawn/preflight.ts';
import { ownPrivileges } from '../spawn/privileges.ts';
import { namesInSocketUnits } from '../systemd/socket-units.ts';
import { lookThrough } from '../trust/foreign-path.ts';
import type { Credentials } from '../trust/permissions.ts';
import { plainPath } from '../trust/plain-path.ts';
import { scheduleProblem } from './calendar.ts';

/** Bytes of an env_file; execve(2) takes no larger environment. */
const LARGEST_ENV_FILE = 1024 ** 2;

/** For the look for one program. */
const LOOK_TIME: Millis = 50;
/** For all users of a configuration together; users not reached by then are not asked. */
const ASK_TIMEOUT: Millis = 5_000;

/** The facts for one load of the configuration. */
export class MachineFacts implements Facts {
  /** Texts of the files that were read on behalf of services, by file and user; null: the file could not be read. */
  readonly texts: Map<string, string | null>;
  /** The paths of those files. */
  readonly textPaths = new Set<string>();
  readonly #clock: Clock;
  readonly #searchPath: string;
  /** undefined: not asked for yet; null: unknown. */
  #sockets: readonly string[] | null | undefined;
  readonly #uid = process.geteuid?.() ?? 0;
  readonly #looks = new Map<string, PathFinding>();
  readonly #executables = new Map<string, string | null>();
  readonly #schedules = new Map<string, string | null>();
  #capacity: Capacity | null = null;
  #privileges: Privileges | null = null;
  #hasCgroups: boolean | null = null;
  /** When asking users ends; null: users are not asked. */
  #askUntil: Millis | null = null;
  readonly #credentials = new Map<string, Credentials | null>();
  readonly #users = new Map<string, number | null>();
  readonly #groups = new Map<string, number | null>();

  /**
   * `searchPath`: PATH of opsd, the default of the services. `sockets`: names of the sockets that opsd inherited;
   * absent: opsd does not run here, so systemd is asked. `texts`: files as an earlier load read them, which are not
   * read again; null: a file that could not be read.
   */
  constructor(
    clock: Clock,
    searchPath: string | undefined,
    sockets?: readonly string[],
    texts: ReadonlyMap<string, string | null> = new Map(),
  ) {
    this.#clock = clock;
    this.#searchPath = searchPath || DEFAULT_PATH;
    this.#sockets = sockets;
    this.texts = new Map(texts);
  }

  /** The texts without those of these files. */
  textsBut(paths: ReadonlySet<string>): ReadonlyMap<string, string | null> {
    return new Map([...this.texts].filter(([key]) => !paths.has(JSON.parse(key)[0])));
  }

  look(path: string): PathFinding {
    return remember(this.#looks, path, () => lookAt(path));
  }

  plainPath(path: string): string {
    return plainPath('/', path);
  }

  whyNotExecutable(file: string, cwd: string, searchPath: string | null): string | null {
    const path = searchPath ?? this.#searchPath;
    const isRelative = file.includes('/') && !file.startsWith('/');
    const from = isRelative ? cwd : '/';
    return remember(this.#executables, JSON.stringify([file, from, path]), () => {
      const until = this.#clock.now() + LOOK_TIME;
      const isLate = () => this.#clock.now() > until;
      return preflight({ command: [file], cwd: from, environment: { PATH: path }, isLate });
    });
  }

  /** Asks the services' users from now on, for a few seconds in all. */
  askUsers(): void {
    this.#askUntil = this.#clock.now() + ASK_TIMEOUT;
  }

  whyUserMayNot(
    { user, group, capabilities }: Pick<Launch, 'user' | 'group' | 'capabilities'>,
    questions: readonly UserQuestion[],
  ): readonly (UserObstacle | null)[] {
    const until = this.#askUntil;
    const credentials = until === null || this.#uid !== 0 ? null : credentialsOf(user, group, this.#clock.now());
    if (until === null || credentials === null) return [];
    const [gid = 0] = credentials.gids;
    const account = user === null ? ownAccount() : accountOf(user, this.#clock.now());
    const isNamed = account?.named != null;
    const birth = { user: { uid: credentials.uid, gid, isNamed }, noNewPrivileges: false, capabilities };
    const asked = { rights: rightsStage(birth, chainTools()), name: nameOfUser({ user, group }) };
    const those = questions.map(({ cwd, program, searchPath }) => {
      return { cwd, program, path: searchPath ?? this.#searchPath };
    });
    return askUserNow(asked, those, until - this.#clock.now(), this.#clock);
  }

  readText(path: string, user: string | null, group: string | null): FileText {
    this.textPaths.add(path);
    const key = JSON.stringify([path, user, group]);
    const known = this.texts.get(key);
    if (typeof known === 'string') return { ok: true, text: known };
    const reader = this.#readerFor(user, group);
    if (reader === 'unknown') return { ok: false, why: 'it is read with the rights of its user, whom nobody knows' };
    const file = readTextFile(path, LARGEST_ENV_FILE, reader);
    this.texts.set(key, file.ok ? file.text : null);
    if (file.ok) return { ok: true, text: file.text };
    return { ok: false, why: file.isMissing ? 'it does not exist; create it, or correct the path' : `it ${file.why}` };
  }

  /** null: opsd has no privilege that this user has not, so the kernel decides. */
  #readerFor(user: string | null, group: string | null): ReadingUser | null | 'unknown' {
    if (this.#uid !== 0) return null;
    const key = JSON.stringify([user, group]);
    let credentials = this.#credentials.get(key);
    if (credentials === undefined) {
      credentials = credentialsOf(user, group, this.#clock.now());
      this.#credentials.set(key, credentials);
    }
    return credentials === null ? 'unknown' : { credentials, name: user ?? 'root' };
  }

  hasUser(user: string): boolean {
    return this.#uidOf(user) !== null;
  }

  hasGroup(group: string): boolean {
    return remember(this.#groups, group, () => groupIdOf(group, this.#clock.now())) !== null;
  }

  isSelf(user: string): boolean {
    return this.#uidOf(user) === this.#uid;
  }

  whyNotSchedule(cron: string, timezone: string | null): string | null {
    return remember(this.#schedules, JSON.stringify([cron, timezone]), () =>
      scheduleProblem(cron, timezone, this.#clock.unix()),
    );
  }

  doubtOnPrefix(prefix: string): string | null {
    return doubtOnPrefix(prefix);
  }

  doubtsOnTls(files: TlsFiles): readonly TlsDoubt[] {
    const read = readCertificates(files);
    if (!('cert' in read)) return read;
    const left = read.expiresAt - this.#clock.unix();
    if (left > EXPIRES_SOON) return [];
    const end = dateOf(read.expiresAt).toISOString();
    return [{ key: 'cert', why: `${files.cert} ${left > 0 ? 'expires' : 'expired'} at ${end}; renew it` }];
  }

  doubtOnFolder(path: string): string | null {
    return doubtOnFolder(path);
  }

  doubtOnHeartbeat(file: string): string | null {
    return doubtOnHeartbeat(file);
  }

  isLinear(pattern: string): boolean {
    return linearPattern(pattern) !== null;
  }

  capacity(): Capacity {
    this.#capacity ??= {
      memory: totalmem(),
      cpus: cpus().length || null,
    };
    return this.#capacity;
  }

  privileges(): Privileges {
    this.#privileges ??= ownPrivileges();
    return this.#privileges;
  }

  sockets(): readonly string[] | null {
    if (this.#sockets === undefined) this.#sockets = namesInSocketUnits();
    return this.#sockets;
  }

  hasCgroups(): boolean {
    this.#hasCgroups ??= existsSync('/sys/fs/cgroup/cgroup.controllers');
    return this.#hasCgroups;
  }

  #uidOf(user: string): number | null {
    return remember(this.#users, user, () => accountOf(user, this.#clock.now())?.uid ?? null);
  }
}

function remember<T extends string | number | null>(answers: Map<string, T>, question: string, ask: () => T): T {
  const known = answers.get(question);
  if (known !== undefined) return known;
  const answer = ask();
  answers.set(question, answer);
  return answer;
}

function lookAt(path: string): PathFinding {
  try {
    const found = lookThrough(path);
    if (found === null) return 'missing';
    return found.isDirectory() ? 'directory' : 'other';
  } catch (error) {
    return codeOf(error) === 'EACCES' ? 'closed' : 'missing';
  }
}
