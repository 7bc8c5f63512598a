// Looks every few seconds for what services lack on this host: when it is there, they are started. Looks are taken in
// the background and are bounded, so that a disk or directory that does not answer delays nobody.

import type { Event } from '../../core/model/events.ts';
import { isHeldBack, lacksHost } from '../../core/model/lacking.ts';
import type { Millis, ServiceSpec } from '../../core/model/spec.ts';
import type { Service, State } from '../../core/model/state.ts';
import type { StartNeeds } from '../../os/processes/start-needs.ts';
import type { HostLooks } from '../../os/watch/host-looks.ts';
import type { Clock } from '../../runtime/clock.ts';
import { Refreshes } from './refreshes.ts';

const PERIOD: Millis = 2_000;
/** Looks of one period; what is left has its turn in the next. */
const MOST_LOOKS = 500;
/** Paths of one service. */
const MOST_PATHS = 64;

interface HostWatchOptions {
  readonly state: () => State;
  /** Why the service could not be started now, and what that depends on. Asked once a change was seen. */
  readonly inspect: (spec: ServiceSpec) => { readonly why: string | null; readonly needs: StartNeeds };
  /** Whether the service's user can execute it, too. Never rejects. */
  readonly mayStart: (spec: ServiceSpec) => Promise<boolean>;
  readonly looks: Pick<HostLooks, 'look' | 'ask'>;
  /** The configuration was made when these services lacked something: it is made anew. */
  readonly refresh: (services: readonly string[]) => void;
  readonly post: (event: Event) => void;
  readonly clock: Clock;
}

/** A service that lacks something. */
interface Lacking {
  readonly spec: ServiceSpec;
  needs: StartNeeds;
  /** The stamp of each path and account as it was seen last. */
  readonly stamps: Map<string, string>;
  /** Something was seen for the first time, or changed, since the last inspection. */
  hasNews: boolean;
  /** What the last attempt was made with; another attempt takes another state of the host. */
  tried: string | null;
  isAsking: boolean;
}

export class HostWatch implements Disposable {
  readonly #options: HostWatchOptions;
  readonly #lacking = new Map<string, Lacking>();
  readonly #refreshes: Refreshes;
  readonly #timer: Disposable;
  /** Where the next period goes on, when there were too many looks for one. */
  #next = 0;
  #isOver = false;

  constructor(options: HostWatchOptions) {
    this.#options = options;
    this.#refreshes = new Refreshes(options);
    this.#timer = options.clock.every(PERIOD, () => this.#lookAgain());
  }

  #lookAgain(): void {
    const services = this.#options.state().services;
    const wanted = new Map(services.filter(isLacking).map((service) => [service.spec.name, wantedSpec(service)]));
    // One that was started keeps its entry until it has come up: if it fails again, nothing may have changed.
    const isSettled = (name: string) => services.find(({ spec }) => spec.name === name)?.state.name !== 'starting';
    for (const name of this.#lacking.keys()) if (!wanted.has(name) && isSettled(name)) this.#lacking.delete(name);
    this.#refreshes.keepOnly((name) => this.#lacking.has(name));
    const names = [...wanted.keys()];
    let looks = 0;
    for (let index = 0; index < names.length && looks < MOST_LOOKS; index += 1, this.#next += 1) {
      const name = names[this.#next % names.length];
      const spec = name === undefined ? undefined : wanted.get(name);
      if (name !== undefined && spec !== undefined) looks += this.#look(name, spec);
    }
  }

  #look(name: string, spec: ServiceSpec): number {
    let lacking = this.#lacking.get(name);
    if (lacking?.spec !== spec) {
      const { needs } = this.#options.inspect(spec);
      const tried = lacking?.tried ?? null;
      lacking = { spec, needs, stamps: new Map(), hasNews: true, tried, isAsking: false };
      this.#lacking.set(name, lacking);
    }
    const whose = lacking;
    const seen = (what: string) => (stamp: string) => this.#note(name, whose, what, stamp);
    const { needs } = lacking;
    for (const path of [...needs.paths].slice(0, MOST_PATHS)) this.#options.looks.look(path, seen(path));
    for (const account of needs.accounts) this.#options.looks.ask(account, seen(account));
    return needs.paths.size + needs.accounts.length;
  }

  #note(name: string, lacking: Lacking, what: string, stamp: string): void {
    if (this.#isOver || this.#lacking.get(name) !== lacking) return;
    if (lacking.stamps.get(what) !== stamp) lacking.hasNews = true;
    lacking.stamps.set(what, stamp);
    if (lacking.hasNews && isComplete(lacking)) void this.#consider(name, lacking);
  }

  async #consider(name: string, lacking: Lacking): Promise<void> {
    if (lacking.isAsking) return;
    lacking.hasNews = false;
    const { why, needs } = this.#options.inspect(lacking.spec);
    lacking.needs = needs;
    const stamp = JSON.stringify([...lacking.stamps]);
    if (why !== null || stamp === lacking.tried) return;
    lacking.isAsking = true;
    const may = await this.#options.mayStart(lacking.spec);
    lacking.isAsking = false;
    const service = this.#options.state().services.find(({ spec }) => spec.name === name);
    if (!may || this.#isOver || service === undefined || !isLacking(service)) return;
    lacking.tried = stamp;
    const { gap, hindrance } = lacking.spec;
    if (gap !== undefined || hindrance !== undefined) this.#refreshes.ask(name);
    else this.#options.post({ type: 'host_ready', service: name });
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#refreshes[Symbol.dispose]();
    this.#timer[Symbol.dispose]();
  }
}

function isLacking(service: Service): boolean {
  return lacksHost(service) || isHeldBack(service);
}

/** The spec that cannot be started. */
function wantedSpec({ spec, nextSpec }: Service): ServiceSpec {
  return nextSpec ?? spec;
}

/** Whether everything that the start depends on was seen: what hangs is not started. */
function isComplete({ needs, stamps }: Lacking): boolean {
  return (
    [...needs.paths].slice(0, MOST_PATHS).every((path) => stamps.has(path)) &&
    needs.accounts.every((one) => stamps.has(one))
  );
}
