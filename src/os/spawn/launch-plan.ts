// Plans a start: from the spec to what is executed (environment, exec chain, cgroup), or to the reason why the service
// cannot start.

import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { UserObstacle } from '../../config/check/host-facts.ts';
import { missingPrivileges, whyNoOtherUser } from '../../config/check/missing-privileges.ts';
import type { Launch, Limits, Millis, ServiceSpec } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Cgroups } from '../cgroup/cgroups.ts';
import { applyLimits, type CgroupLimit, cgroupLimitsOf } from '../cgroup/limits.ts';
import {
  type Chain,
  type ChainTools,
  execChain,
  type Inherited,
  type ProcessAttributes,
  rightsStage,
} from '../chain/exec-chain.ts';
import { makeIfMissing, withFolder } from '../chain/heartbeat-folder.ts';
import { type Execution, executionOf, type LandingTarget, nameForNoShell } from '../chain/landing.ts';
import { chainTools } from '../chain/tools.ts';
import { askUser, nameOfUser } from '../chain/user-view.ts';
import { passSockets, type Sockets } from '../systemd/sockets.ts';
import { accountOf, groupIdOf, isDirectorySilent } from './accounts.ts';
import { type Account, ownAccount, serviceEnvironment } from './environment.ts';
import { inheritedOfSelf } from './inherited.ts';
import { problemOfStrings, problemOnHost } from './preflight.ts';
import { ownPrivileges } from './privileges.ts';
import type { SpawnFailure } from './spawn-failure.ts';

export interface LaunchPlan {
  /** What is executed, with the target that it becomes. `more`: variables in addition to those of the spec. */
  execution(more?: Readonly<Record<string, string>>): Execution;
  /**
   * After a failed start: asks whether the service's user can enter `cwd` and execute the program. null: the service
   * has the privileges of opsd.
   */
  readonly whyNot: (() => Promise<UserObstacle | null>) | null;
  readonly uid: number;
  readonly cgroup: string | null;
  /** Descriptors that the process inherits, from 3 on. */
  readonly descriptors: readonly number[];
}

/** A command and its key. */
type CommandAtKey = readonly [key: readonly string[], command: readonly [string, ...string[]]];

/** What a start needs, when nothing is in its way. */
interface Checked {
  readonly uid: number;
  readonly group: number;
  /** The host knows the user by name. */
  readonly isNamed: boolean;
  readonly isOtherUser: boolean;
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly [string, ...string[]];
  readonly descriptors: readonly number[];
}

interface LaunchPlannerOptions {
  readonly runDir: string;
  readonly cgroups: Cgroups | null;
  /** Soft RLIMIT_NOFILE of services. */
  readonly baseNofile: number;
  /** The sockets that services may ask for. */
  readonly sockets: Sockets;
  readonly log: (line: string) => void;
  readonly clock: Clock;
}

/** For the looks at the commands of one service; they are taken in the loop. */
const LOOK_TIME: Millis = 50;
const DEFAULT_UMASK = 0o022;

export class LaunchPlanner {
  readonly #options: LaunchPlannerOptions;
  readonly #inherited: Inherited = inheritedOfSelf();
  readonly #tools: ChainTools = chainTools();
  readonly #privileges = ownPrivileges();
  readonly #logged = new Set<string>();
  readonly #self: Account | null = ownAccount();
  readonly #uid = process.getuid?.() ?? 0;
  readonly #gid = process.getgid?.() ?? 0;

  constructor(options: LaunchPlannerOptions) {
    this.#options = options;
  }

  /** `others`: commands that are no use without being there, though they are not executed now. */
  plan(
    service: string,
    generation: number,
    spec: ServiceSpec,
    others: readonly CommandAtKey[] = [],
  ): LaunchPlan | SpawnFailure {
    const { launch } = spec;
    const checked = this.#check(service, generation, spec, others);
    if ('message' in checked) return checked;
    const { uid, environment, command, descriptors } = checked;
    const { clock } = this.#options;
    const own = process.env;
    const { cwd } = launch;
    const cgroup = this.#createCgroup(service, generation, launch.limits);
    const needed = execChain(this.#birthOf(launch, checked, cgroup), this.#inherited, this.#tools);
    const folder = spec.policy.heartbeat === null ? null : dirname(launch.heartbeatFile);
    const chain = needed === null || folder === null ? needed : withFolder(needed, folder);
    const target: LandingTarget = { command, cwd, environment };
    const missing = chain === null ? null : this.#whatIsMissing(chain, environment);
    if (missing !== null) return refusal(missing);
    return {
      execution: (more) => {
        const all = { ...target, environment: { ...environment, ...more } };
        if (chain === null && folder !== null) makeIfMissing(folder);
        return chain === null ? { ...all, input: null } : executionOf(all, chain, this.#tools, own);
      },
      whyNot:
        chain === null || chain.rights.length === 0
          ? null
          : () =>
              askUser(
                { rights: chain.rights, name: nameOfUser(launch) },
                { cwd, program: command[0], path: environment.PATH ?? '' },
                clock,
              ),
      uid,
      cgroup,
      descriptors,
    };
  }

  #birthOf(
    launch: Launch,
    { uid, group, isNamed, isOtherUser }: Pick<Checked, 'uid' | 'group' | 'isNamed' | 'isOtherUser'>,
    cgroup: string | null,
  ): ProcessAttributes {
    return {
      umask: launch.umask ?? DEFAULT_UMASK,
      nice: launch.nice,
      oomScoreAdj: launch.oomScoreAdj,
      descriptors: this.#options.baseNofile,
      nofile: launch.limits.nofile,
      core: launch.limits.core,
      ionice: launch.ionice,
      noNewPrivileges: launch.noNewPrivileges,
      capabilities: launch.capabilities,
      hasSockets: launch.sockets.length > 0,
      user: isOtherUser ? { uid, gid: group, isNamed } : null,
      cgroup,
    };
  }

  /** Why the service could not be started now; null: nothing is in the way. `onLook`: told each path that decides it. */
  whyNot(spec: ServiceSpec, others: readonly CommandAtKey[], onLook: (path: string) => void): SpawnFailure | null {
    const checked = this.#check(spec.name, 0, spec, others, onLook);
    return 'message' in checked ? checked : null;
  }

  /** Whether the service's user can execute its command; true also when that is not known. Never rejects. */
  async mayUserExecute(spec: ServiceSpec): Promise<boolean> {
    const { launch } = spec;
    const checked = this.#check(spec.name, 0, spec, []);
    // Whether a gap is closed shows only later.
    if ('message' in checked) return spec.gap !== undefined;
    const rights = rightsStage(this.#birthOf(launch, checked, null), this.#tools);
    if (rights.length === 0) return true;
    const { command, environment } = checked;
    const question = { cwd: launch.cwd, program: command[0], path: environment.PATH ?? '' };
    return (await askUser({ rights, name: nameOfUser(launch) }, question, this.#options.clock)) === null;
  }

  #check(
    service: string,
    generation: number,
    spec: ServiceSpec,
    others: readonly CommandAtKey[],
    onLook?: (path: string) => void,
  ): Checked | SpawnFailure {
    const { name, instance, launch, gap } = spec;
    const { clock } = this.#options;
    const until = clock.now() + LOOK_TIME;
    const looks = { isLate: () => clock.now() > until, ...(onLook === undefined ? {} : { onLook }) };
    if (gap !== undefined) return refusal(gap.why);
    const account = launch.user === null ? this.#self : accountOf(launch.user, clock.now());
    if (launch.user !== null && account === null) {
      return refusal(
        `user ${launch.user} ${absence('passwd', launch.user, clock.now())}, or correct services.${name}.user`,
      );
    }
    const group = launch.group === null ? (account?.gid ?? this.#gid) : groupIdOf(launch.group, clock.now());
    if (group === null) {
      const why = launch.group === null ? '' : absence('group', launch.group, clock.now());
      return refusal(`group ${launch.group} ${why}, or correct services.${name}.group`);
    }
    const uid = account?.uid ?? this.#uid;
    const isOtherUser = uid !== this.#uid || group !== this.#gid;
    const of = `services.${spec.group ?? name}`;
    const whyNot = isOtherUser ? whyNoOtherUser(this.#privileges) : null;
    if (whyNot !== null) return refusal(`${of}.${launch.user === null ? 'group' : 'user'}: ${whyNot}`);
    const [shortfall] = missingPrivileges(launch, this.#privileges);
    if (shortfall !== undefined) {
      const subject = shortfall.part === null ? '' : `${shortfall.part} `;
      return refusal(`${of}.${shortfall.path.join('.')}: ${subject}${shortfall.message}`);
    }
    const { runDir } = this.#options;
    const environment = serviceEnvironment({
      launch,
      name,
      instance,
      service,
      generation,
      runDir,
      account,
      own: process.env,
    });
    const passed = passSockets(spec.group ?? name, launch.sockets, this.#options.sockets);
    // Only another opsd can have other sockets.
    if (!passed.ok) return { kind: 'permanent', message: passed.why };
    Object.assign(environment, passed.environment);
    const command = inFront(launch.wrapper, launch.command);
    const impossible = problemOfStrings(command, environment);
    if (impossible !== null) return { kind: 'permanent', message: impossible };
    const { cwd } = launch;
    // The command of a wrapper may exist only in the root that the wrapper sets up.
    const problem = problemOnHost({ command, cwd, environment, ...looks });
    if (problem !== null) return refusal(problem);
    for (const [key, other] of others) {
      const missing = problemOnHost({ command: other, cwd, environment, ...looks });
      if (missing !== null) return refusal(`${key.join('.')}: ${missing}`);
    }
    const isNamed = account !== null && account.named !== null;
    return { uid, group, isNamed, isOtherUser, environment, command, descriptors: passed.descriptors };
  }

  #whatIsMissing({ stages }: Chain, environment: Readonly<Record<string, string>>): string | null {
    const { perl, ...tools } = this.#tools;
    const missing = Object.values(tools).find((tool) => stages.includes(tool) && !existsSync(tool));
    if (missing !== undefined) {
      return `${missing} is not installed, and this service needs it: install util-linux and coreutils`;
    }
    const name = perl === null ? nameForNoShell(environment) : null;
    if (name === null) return null;
    return `no shell passes on the environment variable ${name}, and perl(1), which does, is not installed: install it, or choose another name`;
  }

  /** Without a cgroup the service still runs: its tree is then found by session and marker. */
  #createCgroup(service: string, generation: number, limits: Limits): string | null {
    try {
      const cgroup = this.#options.cgroups?.create(service, generation) ?? null;
      this.#logUnlimited(service, cgroup === null ? cgroupLimitsOf(limits) : applyLimits(cgroup, limits));
      return cgroup;
    } catch (error) {
      const why = codeOf(error) === 'EBUSY' ? 'an old cgroup of that name still has processes' : codeOf(error);
      this.#options.log(`service ${service}, generation ${generation}: runs without a cgroup of its own: ${why}`);
      return null;
    }
  }

  /** Logged once for each service, not at each start. */
  #logUnlimited(service: string, limits: readonly CgroupLimit[]): void {
    const key = `${service}: ${limits.join(', ')}`;
    if (limits.length === 0 || this.#logged.has(key)) return;
    this.#logged.add(key);
    for (const limit of limits) {
      const instead =
        limit === 'memory' ? 'its memory is watched, and it is restarted when it takes more' : 'it has no effect';
      this.#options.log(
        `service ${service}: no cgroup controller for limits.${limit} was delegated to opsd: ${instead}`,
      );
    }
  }
}

function absence(database: 'passwd' | 'group', name: string, now: Millis): string {
  if (!isDirectorySilent(now)) return 'does not exist: create it';
  return `cannot be looked up, as the directory service does not answer: getent ${database} ${name}`;
}

function inFront(
  [first, ...rest]: readonly string[],
  command: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  return first === undefined ? command : [first, ...rest, ...command];
}

/** What another state of this host would put right. */
function refusal(message: string): SpawnFailure {
  return { kind: 'host', message };
}
