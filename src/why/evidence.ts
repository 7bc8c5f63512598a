// The evidence for the cause of a service's state, line by line, the most important first.

import type { EventView } from '../api/events.ts';
import type { ServiceView } from '../api/services.ts';
import type { Evidence } from '../api/why.ts';
import type { Problem } from '../errors.ts';
import { timeOfDay } from '../runtime/wall-time.ts';
import { span } from '../text/quantities.ts';
import { formatDuration } from '../text/units.ts';
import type { LikelyCause } from './early-end.ts';
import { meaningOfEnd } from './end.ts';
import { ignoredStopSignal, lacksHost, missingHeartbeatFolder, type WhyFacts } from './facts.ts';
import type { Finding } from './symptoms.ts';

const HISTORY = 5;
const PROBLEMS = 3;

export function evidence(
  facts: WhyFacts,
  failure: EventView | null,
  finding: Finding | null,
  likely: LikelyCause | null,
  showsOutput: boolean,
): readonly Evidence[] {
  const { service, view, events } = facts;
  const { policy } = service.spec;
  const found: Evidence[] = [];
  const add = (label: string, text: string | null) => {
    if (text !== null) found.push({ label, text });
  };
  if (view.state !== 'running' || failure !== null) add('last exit', exitText(facts));
  found.push(...refusalEvidence(facts));
  if (ignoredStopSignal(facts) !== undefined) {
    add(
      'stop signal',
      `the service did not end within ${formatDuration(policy.stopTimeout)} of ${policy.stopSignal} (stop_timeout)`,
    );
  }
  add('likely cause', likely === null ? null : `it ${likely.cause}`);
  add('remedy', likely?.remedy ?? null);
  add('its output says', finding === null ? null : finding.line.trim());
  if (showsOutput) add('probe output', probeOutputText(facts));
  add('output', silenceText(facts, failure));
  add('rollout', view.rollout?.detail ?? null);
  add('process', view.pid === null ? null : `pid ${view.pid}, generation ${view.generation}`);
  add('heartbeat', heartbeatText(facts));
  add('heartbeat file', view.pid === null ? null : facts.uncheckedHeartbeat);
  const folder = missingHeartbeatFolder(facts, failure);
  add(
    'missing folder',
    folder === null ? null : `${folder} does not exist, so the service cannot touch its heartbeat file`,
  );
  add('memory limit', memoryLimitText(view));
  add('failures in a row', failuresText(facts));
  if (view.restarts > 0) add('restarts', `${view.restarts} since opsd knows it`);
  for (const { service: name, until } of policy.dependsOn) {
    const other = facts.other(name);
    add(
      'depends on',
      `${name} (${until}): ${other === undefined ? 'not configured' : `${other.state}, ${other.reason}`}`,
    );
  }
  if (service.desired !== null) {
    add(
      'operator',
      service.desired === 'up'
        ? 'wants it up'
        : 'wants it down until the host reboots, whatever the configuration says',
    );
  }
  for (const event of events.slice(-HISTORY).reverse()) {
    found.push({ label: timeOfDay(event.at), text: `${event.from} → ${event.to}: ${event.detail}`, at: event.at });
  }
  return found;
}

/** The problems of a refused reload; those of this service come first. */
function refusalEvidence({ refusal, view, wallAt }: WhyFacts): readonly Evidence[] {
  if (refusal === null) return [];
  const isOwn = ({ key }: Problem) => key.startsWith(`services.${view.name}`);
  const { problems } = refusal;
  const told = [...problems.filter(isOwn), ...problems.filter((problem) => !isOwn(problem))].slice(0, PROBLEMS);
  const more = problems.length > told.length ? `, and ${problems.length - told.length} more` : '';
  const at = timeOfDay(wallAt(refusal.at).toISOString());
  return [
    { label: 'configuration', text: `refused at ${at}, the previous configuration stays in force${more}:` },
    ...told.map(({ where, line, key, message }) => {
      return { label: 'problem', text: `${where}${line === null ? '' : `:${line}`} ${key} ${message}` };
    }),
  ];
}

function exitText(facts: WhyFacts): string | null {
  const { exit } = facts.view;
  if (exit === null) return null;
  const { code, signal } = exit;
  if (code === null && signal === null)
    return 'unknown: it was adopted, and the kernel tells an exit code to the parent only';
  const meaning = facts.service.lastExit?.oom === true ? 'by the kernel: out of memory' : meaningOfEnd(facts, exit);
  return `${signal === null ? `exit code ${code}` : `killed by ${signal}`}${meaning === null ? '' : ` (${meaning})`}`;
}

function heartbeatText({ service, view }: WhyFacts): string | null {
  const { heartbeat } = service.spec.policy;
  if (heartbeat === null) return null;
  const { heartbeatFile } = service.spec.launch;
  const allowed = formatDuration(heartbeat.timeout);
  if (view.pid === null) return `expected every ${allowed} in ${heartbeatFile}`;
  if (view.heartbeat_age_seconds === null) return `none seen yet in ${heartbeatFile}`;
  return `last seen ${span(view.heartbeat_age_seconds * 1000)} ago, must not be older than ${allowed}: ${heartbeatFile}`;
}

/** Lines of a probe's output, and characters of each. */
const PROBE_LINES = 3;
const LONGEST_PROBE_LINE = 300;

function probeOutputText({ service: { lastProbeOutput, spec } }: WhyFacts): string | null {
  const { ready, health } = spec.policy;
  const asks = ready?.probe?.kind === 'exec' || health?.probe.kind === 'exec';
  if (!asks || lastProbeOutput === null) return null;
  const lines = lastProbeOutput.split('\n').slice(-PROBE_LINES);
  return lines.map((line) => line.slice(0, LONGEST_PROBE_LINE)).join(' | ');
}

/** A log without a line says nothing of the cause, and that it is empty has often a cause of its own. */
function silenceText({ service, lastLines }: WhyFacts, failure: EventView | null): string | null {
  const { log } = service.spec.launch;
  if (failure?.reason !== 'readiness_timeout' || lastLines.length > 0 || (log !== 'capture' && log !== 'direct'))
    return null;
  return 'none: without a terminal many programs buffer it; set PYTHONUNBUFFERED=1, or start it with stdbuf -oL';
}

/** The number of failures in a row, and how far it is from max_failures where that limit applies. */
function failuresText({ service, view }: WhyFacts): string | null {
  const { failures_in_a_row: count, state } = view;
  const { maxFailures, restart } = service.spec.policy;
  if (count === 0) return null;
  if (state === 'failed' && count <= maxFailures && service.lastReason === 'too_many_failures') {
    return `${count}; but too many lately: opsd gave up (max_failures_in)`;
  }
  if (restart === 'never' || lacksHost(service)) return String(count);
  if (state !== 'failed') return `${count}; opsd gives up after more than ${maxFailures} (max_failures)`;
  return service.lastReason === 'too_many_failures'
    ? `${count}, more than ${maxFailures} (max_failures): opsd gave up`
    : `${count}; the last one is permanent: trying again would not help`;
}

function memoryLimitText({ memory_limit: limit }: ServiceView): string | null {
  if (limit === null) return null;
  const who =
    limit.held_by === 'cgroup'
      ? 'enforced by the kernel (cgroup)'
      : 'opsd looks every 5 s and restarts the service when it stays above';
  return `${Math.round(limit.bytes / 2 ** 20)} MiB: ${who}`;
}
