// Why a service is as it is: the cause in a sentence, what it rests on, what comes next, and what would help.

import type { Reason, Service } from '../core/model.ts';
import type { Millis } from '../core/spec.ts';
import type { Problem } from '../errors.ts';
import { timeOfDay, wallAt } from '../runtime/clock.ts';
import { type Finding, findingIn, meaningOfExit } from './symptoms.ts';
import { toolFailure } from './tool-words.ts';
import type { EventView, ServiceView, WhyView } from './view.ts';

/** A reload that was refused: what runs is not what the files say. */
export interface Refusal {
  readonly at: Millis;
  readonly problems: readonly Problem[];
}

/** All that an explanation rests on. */
export interface WhyFacts {
  readonly service: Service;
  readonly view: ServiceView;
  /** Of this service, the oldest first. */
  readonly events: readonly EventView[];
  readonly lastLines: readonly string[];
  /** null: the last reload was applied. */
  readonly refusal: Refusal | null;
  /** Other services, for what it depends on. */
  other(name: string): ServiceView | undefined;
}

type Evidence = WhyView['evidence'][number];

const HISTORY = 5;
const PROBLEMS = 3;
const LINES = 10;
/** Ends that are nobody's fault. */
const HARMLESS = new Set<Reason>([
  'boot',
  'operator',
  'configuration',
  'dependency',
  'ready',
  'backoff',
  'retry',
  'success',
  'shutdown',
  'removed',
  'adopted',
]);

export function explain(facts: WhyFacts): WhyView {
  const { service, view, lastLines } = facts;
  const { name, group, launch } = service.spec;
  const failure = lastFailure(facts);
  // What it wrote while all was well explains nothing.
  const finding =
    failure === null || view.state === 'running'
      ? null
      : (toolFailure(group ?? name, launch, failure.exit?.code, lastLines.at(-1)) ?? findingIn(lastLines));
  const { next, at } = nextStep(facts);
  return {
    version: 1,
    service: view.name,
    state: view.state,
    since: view.since,
    summary: summary(facts, failure, finding),
    evidence: evidence(facts, failure, finding),
    last_lines: lastLines.slice(-LINES),
    next,
    next_at: at === null ? null : wallAt(at).toISOString(),
    commands: commands(facts, failure, finding),
  };
}

/** The change of state that tells of the failure that still counts; null: there is none, or it is over. */
function lastFailure({ view, events }: WhyFacts): EventView | null {
  const isOver = view.state === 'stopped' || (view.state === 'running' && view.failures_in_a_row === 0);
  const last = isOver ? undefined : events.findLast(({ reason }) => !HARMLESS.has(reason));
  if (last === undefined) return null;
  if (last.reason !== 'too_many_failures') return last;
  // Giving up is no cause: it quotes the failure that was one too many.
  const before = events.findLast(({ reason }) => !HARMLESS.has(reason) && reason !== 'too_many_failures');
  const detail = last.detail.split('the last: ').at(-1) ?? last.detail;
  return { ...last, detail, reason: before?.reason ?? 'exit_code' };
}

function summary(facts: WhyFacts, failure: EventView | null, finding: Finding | null): string {
  const { service, view } = facts;
  const { name } = view;
  const cause = failure === null ? view.reason : causeOf(failure, finding);
  switch (service.state.name) {
    case 'running':
      return runningSummary(facts, failure);
    case 'starting':
      return failure === null
        ? `${name} is starting (${view.reason}).`
        : `${name} is starting again after a failure: ${cause}.`;
    case 'waiting':
      return waitingSummary(facts, service.state.for);
    case 'stopped':
      return service.spec.policy.enabled || service.wish !== null
        ? `${name} is stopped: ${view.reason}${killedFor(facts)}.`
        : `${name} is stopped because it is not enabled (enabled = false).`;
    case 'stopping':
      return `${name} is being stopped: ${view.reason}.`;
    case 'killing':
      return service.state.stuck
        ? `${name} cannot be ended: ${view.reason}.`
        : `${name} is being killed: ${view.reason}${killedFor(facts)}.`;
    case 'backoff':
      return failure === null ? `${name} ended and is to be started again: ${cause}.` : `${name} failed: ${cause}.`;
    case 'failed':
      return view.next_attempt_at === null
        ? `${name} failed for good: ${cause}.`
        : `${name} failed ${view.failures_in_a_row} times in a row and was given up for now; the last time: ${cause}.`;
    case 'exited':
      return failure === null
        ? `${name} ended by itself with success, and restart = "${service.spec.policy.restart}" leaves it so.`
        : `${name} failed, and restart = "${service.spec.policy.restart}" leaves it so: ${cause}.`;
    default:
      return `${name} is ${view.state}: ${view.reason}.`;
  }
}

/** The change of state that tells that the last stop signal was not obeyed; undefined: it was, or none was sent. */
function disobedience({ events }: WhyFacts): EventView | undefined {
  const started = events.findLastIndex(({ to }) => to === 'starting');
  const found = events.findLastIndex(({ to, reason }) => to === 'killing' && reason === 'stop_timeout');
  return found > started ? events[found] : undefined;
}

function killedFor(facts: WhyFacts): string {
  if (disobedience(facts) === undefined) return '';
  return `; it did not obey ${facts.service.spec.policy.stopSignal} and got SIGKILL`;
}

function causeOf({ detail, exit }: EventView, finding: Finding | null): string {
  if (finding !== null) return `${detail}; ${finding.isByOpsd ? '' : 'by its own words '}${finding.meaning}`;
  const meaning = exit === null ? null : meaningOfExit(exit.code, exit.signal);
  const isSaid = exit !== null && (detail.includes(`${exit.signal}`) || detail.includes(`exit code ${exit.code}`));
  return meaning !== null && isSaid ? `${detail} (${meaning.meaning})` : detail;
}

function runningSummary(facts: WhyFacts, failure: EventView | null): string {
  const { view, refusal } = facts;
  const adopted = view.adopted ? ', adopted from an earlier opsd' : '';
  const up = `${view.name} is up and ready as pid ${view.pid}${adopted}`;
  if (failure !== null) return `${up}, but not for long yet: before that, ${causeOf(failure, null)}.`;
  const [lost] = lostDependencies(facts);
  if (lost !== undefined) return `${up}, but ${lost.name}, which it depends on, is ${lost.state}: ${lost.reason}.`;
  if (refusal !== null) return `${up}, but with an old configuration: the last reload was refused.`;
  return `${up}; nothing is wrong.`;
}

/** What it was started with has failed since. */
function lostDependencies({ service, other }: WhyFacts): readonly ServiceView[] {
  return service.spec.policy.dependsOn
    .map((dependency) => other(dependency.service))
    .filter((each) => each?.state === 'failed' || each?.state === 'backoff')
    .filter((each) => each !== undefined);
}

function waitingSummary({ view, other, service }: WhyFacts, awaited: string): string {
  const needed = service.spec.policy.dependsOn.map((dependency) => other(dependency.service));
  const missing = needed.find((each) => each !== undefined && awaited.startsWith(`${each.name} (`));
  if (missing === undefined) return `${view.name} waits for ${awaited}.`;
  return `${view.name} waits for ${missing.name}, which is ${missing.state}: ${missing.reason}.`;
}

function evidence(facts: WhyFacts, failure: EventView | null, finding: Finding | null): readonly Evidence[] {
  const { service, view, events } = facts;
  const { policy } = service.spec;
  const found: Evidence[] = [];
  const add = (label: string, text: string | null) => {
    if (text !== null) found.push({ label, text });
  };
  if (view.state !== 'running' || failure !== null) add('last exit', exitText(view, service.lastExit?.oom === true));
  found.push(...refusalEvidence(facts));
  if (disobedience(facts) !== undefined) {
    add('stop signal', `${policy.stopSignal} was not obeyed within ${policy.stopTimeout / 1000} s (stop_timeout)`);
  }
  add('its output says', finding === null ? null : finding.line.trim());
  add('rollout', view.rollout?.detail ?? null);
  add('process', view.pid === null ? null : `pid ${view.pid}, generation ${view.generation}`);
  add('heartbeat', heartbeatText(facts));
  add('memory limit', memoryLimitText(view));
  if (view.failures_in_a_row > 0) {
    add(
      'failures in a row',
      `${view.failures_in_a_row}; more than ${policy.maxFailures} (max_failures) and it is given up`,
    );
  }
  if (view.restarts > 0) add('restarts', `${view.restarts} since opsd knows it`);
  for (const { service: name, until } of policy.dependsOn) {
    const other = facts.other(name);
    add(
      'depends on',
      `${name} (${until}): ${other === undefined ? 'not configured' : `${other.state}, ${other.reason}`}`,
    );
  }
  if (service.wish !== null) {
    add(
      'operator',
      service.wish === 'up' ? 'wants it up' : 'wants it down, whatever the configuration says, until reboot',
    );
  }
  for (const event of events.slice(-HISTORY).reverse()) {
    add(timeOfDay(event.at), `${event.from} → ${event.to}: ${event.detail}`);
  }
  return found;
}

/** What is wrong with this service comes first. */
function refusalEvidence({ refusal, view }: WhyFacts): readonly Evidence[] {
  if (refusal === null) return [];
  const isOwn = ({ key }: Problem) => key.startsWith(`services.${view.name}`);
  const { problems } = refusal;
  const told = [...problems.filter(isOwn), ...problems.filter((problem) => !isOwn(problem))].slice(0, PROBLEMS);
  const more = problems.length > told.length ? `, and ${problems.length - told.length} more` : '';
  const at = timeOfDay(wallAt(refusal.at).toISOString());
  return [
    { label: 'last reload', text: `refused at ${at}, the configuration before it stays in force${more}:` },
    ...told.map(({ where, line, key, message }) => {
      return { label: 'problem', text: `${where}${line === null ? '' : `:${line}`} ${key} ${message}` };
    }),
  ];
}

function exitText({ exit }: ServiceView, wasOom: boolean): string | null {
  if (exit === null) return null;
  const { code, signal } = exit;
  if (code === null && signal === null) return 'unknown: it was adopted, and only a parent is told';
  const meaning = wasOom ? 'by the kernel: out of memory' : meaningOfExit(code, signal)?.meaning;
  return `${signal === null ? `exit code ${code}` : `killed by ${signal}`}${meaning === undefined ? '' : ` (${meaning})`}`;
}

function heartbeatText({ service, view }: WhyFacts): string | null {
  const { heartbeat } = service.spec.policy;
  if (heartbeat === null) return null;
  const { heartbeatFile } = service.spec.launch;
  const allowed = `${heartbeat.timeout / 1000} s`;
  if (view.pid === null) return `expected every ${allowed} in ${heartbeatFile}`;
  if (view.heartbeat_age_seconds === null) return `none seen yet in ${heartbeatFile}`;
  return `last seen ${view.heartbeat_age_seconds.toFixed(1)} s ago, must not be older than ${allowed}: ${heartbeatFile}`;
}

/** What opsd does by itself, and when. */
function nextStep({ service, view }: WhyFacts): { readonly next: string; readonly at: Millis | null } {
  const { state, spec } = service;
  switch (state.name) {
    case 'running':
      return { next: watched(service), at: null };
    case 'starting':
      return {
        next:
          spec.policy.ready === null
            ? 'it counts as up once it is spawned'
            : `it counts as up once it is ready (ready.on = "${spec.policy.ready.on}")`,
        at: null,
      };
    case 'waiting':
      return { next: `it is started once it need not wait for ${state.for} any more`, at: null };
    case 'backoff':
      return { next: `it is started again, for the ${ordinal(view.generation + 1)} time`, at: state.deadline };
    case 'failed':
      return state.deadline === null
        ? { next: 'nothing, until it is started or its configuration changes', at: null }
        : { next: 'it is tried again (retry_failed)', at: state.deadline };
    case 'stopping':
      return { next: 'SIGKILL, if it is still there (stop_timeout)', at: state.deadline };
    case 'killing':
      return { next: 'SIGKILL once more, if it is still there', at: state.deadline };
    case 'stopped':
    case 'exited':
      return { next: 'nothing, until somebody starts it', at: null };
    default:
      return { next: 'nothing', at: null };
  }
}

function watched({ spec }: Service): string {
  const { heartbeat, restart } = spec.policy;
  const beat = heartbeat === null ? '' : `; a heartbeat is due every ${heartbeat.timeout / 1000} s`;
  return restart === 'never'
    ? `it is watched, and not restarted when it ends (restart = "never")${beat}`
    : `it is watched${beat}`;
}

function commands(facts: WhyFacts, failure: EventView | null, finding: Finding | null): readonly string[] {
  const { service, view } = facts;
  const { name } = view;
  const found = new Set<string>();
  const exit = view.exit === null ? null : meaningOfExit(view.exit.code, view.exit.signal);
  if (finding?.command != null) found.add(finding.command);
  if (failure !== null) for (const command of remedies(facts, failure.reason)) found.add(command);
  if (failure?.reason === 'signal' && exit?.command != null) found.add(exit.command);
  switch (service.state.name) {
    case 'waiting':
      for (const dependency of service.spec.policy.dependsOn) {
        if (facts.other(dependency.service)?.state !== 'running') found.add(`opsd ctl why ${dependency.service}`);
      }
      break;
    case 'killing':
      if (service.state.stuck && view.pid !== null) found.add(`cat /proc/${view.pid}/stack /proc/${view.pid}/wchan`);
      break;
    case 'failed':
    case 'backoff':
      found.add(`opsd ctl logs ${name}`);
      found.add(`opsd ctl restart ${name}`);
      break;
    case 'exited':
      // What has done its work needs no help.
      if (failure === null) break;
      found.add(`opsd ctl logs ${name}`);
      found.add(`opsd ctl start ${name}`);
      break;
    case 'stopped':
      found.add(`opsd ctl start ${name}`);
      break;
    case 'running':
      for (const lost of lostDependencies(facts)) found.add(`opsd ctl why ${lost.name}`);
      if (failure !== null) found.add(`opsd ctl logs ${name}`);
      break;
    default:
      if (failure !== null) found.add(`opsd ctl logs ${name}`);
  }
  if (disobedience(facts) !== undefined) {
    // Which signals it blocks, ignores and catches, as bits: see proc_pid_status(5).
    if (view.pid !== null) found.add(`grep ^Sig /proc/${view.pid}/status`);
    found.add(`opsd config --explain | grep stop_`);
  }
  if (view.rollout !== null) found.add(`opsd ctl rollout status ${service.spec.group ?? name}`);
  if (facts.refusal !== null) for (const command of ['opsd check', 'opsd ctl reload']) found.add(command);
  return [...found];
}

/** What shows more of a cause, or removes it. */
function remedies({ service, view }: WhyFacts, reason: Reason): readonly string[] {
  const { heartbeatFile } = service.spec.launch;
  switch (reason) {
    case 'spawn_failed':
      return ['opsd check', 'opsd ctl reload'];
    case 'heartbeat_lost':
      return [`stat ${heartbeatFile}`, ...(view.pid === null ? [] : [`cat /proc/${view.pid}/status`])];
    case 'oom':
      return [`journalctl -k --grep='out of memory|oom' -n 20`];
    case 'leftovers':
    case 'unkillable':
      return ['ps -eo pid,ppid,pgid,stat,wchan:20,args'];
    default:
      return [];
  }
}

function memoryLimitText({ memory_limit: limit }: ServiceView): string | null {
  if (limit === null) return null;
  const who =
    limit.held_by === 'cgroup' ? 'the kernel holds it to that (cgroup)' : 'opsd looks every 5 s and restarts it';
  return `${Math.round(limit.bytes / 2 ** 20)} MiB: ${who}`;
}

function ordinal(count: number): string {
  const tens = count % 100;
  const ending = tens >= 11 && tens <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th');
  return `${count}${ending}`;
}
