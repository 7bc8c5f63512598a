// Every metric of opsd: its name, its help text with what to do about a value, and its samples.

import type { MetricsView, ServiceMetrics } from '../../api/metrics.ts';
import type { AlertReason } from '../../core/model/effects.ts';
import { type Reason, STATES } from '../../core/model/states.ts';
import { counter, type Family, gauge, labelsOf, labelsWith, type Sample } from './exposition.ts';

/**
 * increase() does not see a counter that first appears with the value 1, so an alert would miss the first crash. The
 * likely reasons are therefore exported as 0 from the start; all reasons would be a hundred lines per service.
 */
const RESTARTS: Readonly<Partial<Record<Reason, number>>> = { exit_code: 0, signal: 0 };
const BEATING: Readonly<Partial<Record<Reason, number>>> = { ...RESTARTS, heartbeat_lost: 0 };
const ALERTS: Readonly<Partial<Record<AlertReason, number>>> = { too_many_failures: 0 };

/** In the order of /metrics. */
export const families: readonly Family[] = [
  gauge(
    'opsd_build_info',
    'Always 1; the labels say which opsd runs on which Node. Join on it to tell versions apart.',
    ['version', 'node'],
    ({ version }) => [{ labels: { version, node: process.versions.node }, value: 1 }],
  ),
  gauge(
    'opsd_service_up',
    'Whether the service is running and ready. 0 for longer than a restart takes: ask opsd ctl why SERVICE.',
    ['service'],
    each(({ state }) => (state === 'running' ? 1 : 0)),
  ),
  gauge(
    'opsd_service_state',
    'The state of the service: 1 for the one it is in, 0 for the others. One that stays failed needs a person.',
    ['service', 'state'],
    ({ services }) => services.flatMap(samplesOfState),
  ),
  counter(
    'opsd_service_restarts_total',
    'Restarts that no operator asked for, by cause. A rising rate is a crash loop: ask opsd ctl why SERVICE.',
    ['service', 'reason'],
    byReason(({ restarts, heartbeat_timeout_seconds: beats }) => ({
      ...(beats === null ? RESTARTS : BEATING),
      ...restarts,
    })),
  ),
  counter(
    'opsd_service_exits_total',
    'Exits of the service, expected ones too, by cause. exit_code, signal: see its log. heartbeat_lost: it was stuck.',
    ['service', 'reason'],
    byReason(({ exits }) => exits),
  ),
  counter(
    'opsd_alerts_total',
    'CRITICAL lines in the log of opsd: something needs a person. Page somebody when this rises.',
    ['service', 'reason'],
    byReason(({ alerts }) => ({ ...ALERTS, ...alerts })),
  ),
  gauge(
    'opsd_service_start_time_seconds',
    'Unix time at which the running process was started.',
    ['service'],
    each((service) => service.started_at_seconds),
  ),
  gauge(
    'opsd_service_last_exit_code',
    'Exit code of the last run that ended; 128 + n for a death by signal n. Not 0: see the log of the service.',
    ['service'],
    each((service) => service.last_exit_code),
  ),
  gauge(
    'opsd_service_failures_in_a_row',
    'Failures since the service was last up for stable_after. Above max_failures opsd gives up.',
    ['service'],
    each((service) => service.failures_in_a_row),
  ),
  gauge(
    'opsd_service_heartbeat_age_seconds',
    'Time since the last heartbeat. Near opsd_service_heartbeat_timeout_seconds: the service is about to be restarted.',
    ['service'],
    each((service) => service.heartbeat_age_seconds),
  ),
  gauge(
    'opsd_service_heartbeat_timeout_seconds',
    'heartbeat.timeout of the service: no heartbeat for longer is a failure.',
    ['service'],
    each((service) => service.heartbeat_timeout_seconds),
  ),
  gauge(
    'opsd_service_cpu_ratio',
    'Cores in use, smoothed (EWMA). At 1 for long, a service with one thread is saturated.',
    ['service'],
    each((service) => service.cpu_ratio),
  ),
  counter(
    'opsd_service_cpu_seconds_total',
    'CPU time used. Its rate is what opsd_service_cpu_ratio estimates.',
    ['service'],
    each((service) => service.cpu_seconds),
  ),
  gauge(
    'opsd_service_resident_memory_bytes',
    'Resident memory. Growth without end is a leak.',
    ['service'],
    each((service) => service.memory_bytes),
  ),
  gauge(
    'opsd_service_memory_limit_bytes',
    'limits.memory of the service. Memory near it: an OOM kill, or a restart by opsd, is next.',
    ['service'],
    each((service) => service.memory_limit_bytes),
  ),
  gauge(
    'opsd_service_healthy',
    'Whether the service is healthy by its health probe. 0 with on_failure = "mark" lasts until the probe succeeds again.',
    ['service'],
    each(({ healthy }) => (healthy === null ? null : healthy ? 1 : 0)),
  ),
  gauge(
    'opsd_service_probe_failures_in_a_row',
    'Health probes that failed one after the other. At health.failures the service is unhealthy.',
    ['service'],
    each((service) => service.probe_failures_in_a_row),
  ),
  counter(
    'opsd_service_kills_total',
    'Times SIGKILL was needed. Raise stop_timeout, or find out why the service ignores stop_signal.',
    ['service'],
    each((service) => service.kills),
  ),
  counter(
    'opsd_service_log_bytes_total',
    'Bytes of output captured. A sudden rise is a service that floods its log.',
    ['service'],
    each((service) => service.log_bytes),
  ),
  counter(
    'opsd_service_log_dropped_bytes_total',
    'Bytes of output that could not be written. Not 0: the disk of log_dir is full or cannot be written to.',
    ['service'],
    each((service) => service.log_dropped_bytes),
  ),
  gauge(
    'opsd_job_last_success_timestamp_seconds',
    'Unix time at which a job last succeeded. Older than its schedule: it fails, or does not run at all.',
    ['service'],
    each((service) => service.job_last_success_seconds),
  ),
  gauge(
    'opsd_job_last_duration_seconds',
    'How long the last run of a job took. Near its timeout or the time between two runs: it needs more room.',
    ['service'],
    each((service) => service.job_last_duration_seconds),
  ),
  gauge(
    'opsd_job_last_run_successful',
    'Whether the last finished run of a job succeeded. 0: ask opsd ctl why JOB.',
    ['service'],
    each(({ job_last_run_successful: isGood }) => (isGood === null ? null : isGood ? 1 : 0)),
  ),
  gauge(
    'opsd_config_last_reload_successful',
    'Whether the files are in force as they were last read. 0: an earlier configuration is; opsd check says what is wrong.',
    [],
    (view) => [{ labels: {}, value: view.config_last_reload_successful ? 1 : 0 }],
  ),
  gauge(
    'opsd_config_loaded_timestamp_seconds',
    'Unix time at which the configuration in force was loaded. Older than the file: somebody forgot to reload.',
    [],
    (view) => [{ labels: {}, value: view.config_loaded_at_seconds }],
  ),
  counter(
    'opsd_config_reloads_total',
    'Reloads by result: applied, or refused (nothing changed).',
    ['reason'],
    ({ reloads }) => counts(reloads),
  ),
  counter(
    'opsd_rollouts_total',
    'Rollouts by stage and result: begun, done, turned_back, undone, rolled_back, stopped, interrupted.',
    ['reason'],
    ({ rollouts }) => counts(rollouts),
  ),
  counter(
    'opsd_adoptions_total',
    'Processes of an earlier opsd that were found at the start: adopted, or stopped because no service accounts for them.',
    ['reason'],
    ({ adoption }) => counts(adoption),
  ),
  counter(
    'opsd_event_hooks_sent_total',
    'Events delivered to the programs and webhooks of daemon.on_event.',
    [],
    ({ event_hooks }) => [{ labels: {}, value: event_hooks.sent }],
  ),
  counter(
    'opsd_event_hooks_failed_total',
    'Events that could not be delivered to an event hook. The log of opsd says which and why: event hook failed.',
    [],
    ({ event_hooks }) => [{ labels: {}, value: event_hooks.failed }],
  ),
  counter(
    'opsd_event_hooks_dropped_total',
    'Events not delivered on purpose. duplicate is normal; other reasons: a receiver is slow, or services flap.',
    ['reason'],
    ({ event_hooks }) => counts(event_hooks.dropped),
  ),
  gauge(
    'opsd_tls_certificate_expiry_timestamp_seconds',
    'When the certificate of daemon.tls ends, in Unix time. Only where one is in use. Renew it a week before.',
    [],
    ({ tls_certificate_expiry_seconds: end }) => (end === null ? [] : [{ labels: {}, value: end }]),
  ),
  gauge(
    'opsd_zombies',
    'Only where opsd is PID 1: zombie processes that wait to be reaped. Growth without end: run opsd under an init.',
    [],
    ({ zombies }) => (zombies === null ? [] : [{ labels: {}, value: zombies }]),
  ),
  gauge(
    'opsd_event_loop_lag_seconds',
    'How late the event loop of opsd runs. Above 1 supervision suffers: the host has no CPU left for it.',
    [],
    (view) => [{ labels: {}, value: view.event_loop_lag_seconds }],
  ),
];

/** A sample for each service that has a figure. */
function each(figure: (service: ServiceMetrics) => number | null): (view: MetricsView) => readonly Sample[] {
  return ({ services }) =>
    services.flatMap((service) => {
      const value = figure(service);
      return value === null ? [] : [{ labels: labelsOf(service.name), value }];
    });
}

/** A sample for each reason that a service has a figure for. */
function byReason(
  figures: (service: ServiceMetrics) => Readonly<Partial<Record<string, number>>>,
): (view: MetricsView) => readonly Sample[] {
  return ({ services }) =>
    services.flatMap((service) =>
      Object.entries(figures(service)).map(([reason, value = 0]) => ({
        labels: labelsWith(service.name, 'reason', reason),
        value,
      })),
    );
}

function samplesOfState({ name, state }: ServiceMetrics): Sample[] {
  return STATES.map((known) => ({ labels: labelsWith(name, 'state', known), value: known === state ? 1 : 0 }));
}

function counts(figures: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(figures).map(([reason, value]) => ({ labels: { reason }, value }));
}
