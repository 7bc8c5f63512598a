// What Prometheus reads: every name of the contract, in a form that its own tools accept, and cheap.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { renderMetrics } from '../../src/http/metrics/metrics.ts';
import { ask } from './ask.ts';
import { openDoors } from './doors.ts';
import { FakeControl, service, UP } from './fake-control.ts';

const USE = { cpu_ratio: 0.25, memory_bytes: 1e6, heartbeat_age_seconds: 2, exit: { code: 3, signal: null } };
const FULL = { ...UP, ...USE };
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

async function scrape(control: FakeControl): Promise<string> {
  return (await renderMetrics(control.metrics())).toString();
}

test('every metric of the contract is there', async () => {
  const control = new FakeControl([service('web', FULL)]);
  control.change('web', 'backoff', {}, 'exit_code');
  control.change('web', 'starting', USE, 'backoff');
  control.change('web', 'running', USE, 'ready');
  control.change('web', 'killing', { ...USE, started_at: UP.started_at }, 'stop_timeout');
  control.tally.alert('web', 'too_many_failures');
  const text = await scrape(control);
  for (const series of [
    /^opsd_build_info\{version="0\.1\.0",node="[\d.]+"\} 1$/m,
    /^opsd_service_up\{service="web"\} 0$/m,
    /^opsd_service_state\{service="web",state="killing"\} 1$/m,
    /^opsd_service_state\{service="web",state="running"\} 0$/m,
    /^opsd_service_restarts_total\{service="web",reason="exit_code"\} 1$/m,
    /^opsd_service_exits_total\{service="web",reason="exit_code"\} 1$/m,
    /^opsd_service_start_time_seconds\{service="web"\} 1\d+/m,
    /^opsd_service_last_exit_code\{service="web"\} 3$/m,
    /^opsd_service_failures_in_a_row\{service="web"\} 0$/m,
    /^opsd_service_heartbeat_age_seconds\{service="web"\} 2$/m,
    /^opsd_service_cpu_ratio\{service="web"\} 0\.25$/m,
    /^opsd_service_cpu_seconds_total\{service="web"\} 1\.5$/m,
    /^opsd_service_resident_memory_bytes\{service="web"\} 1000000$/m,
    /^opsd_service_kills_total\{service="web"\} 1$/m,
    /^opsd_service_log_bytes_total\{service="web"\} 1024$/m,
    /^opsd_service_log_dropped_bytes_total\{service="web"\} 0$/m,
    /^opsd_alerts_total\{service="web",reason="too_many_failures"\} 1$/m,
    /^opsd_config_last_reload_successful 1$/m,
    /^opsd_config_reloads_total\{reason="refused"\} 0$/m,
    /^opsd_adoptions_total\{reason="adopted"\} 0$/m,
    /^opsd_rollouts_total\{reason="stopped"\} 1$/m,
    /^opsd_event_loop_lag_seconds 0$/m,
    /^opsd_tls_certificate_expiry_timestamp_seconds 1800000000$/m,
    /^opsd_service_ready_seconds_bucket\{le="\+Inf"\} 1$/m,
    /^opsd_service_ready_seconds_count 1$/m,
    /^opsd_service_stop_seconds_sum 0$/m,
    /^process_cpu_seconds_total /m,
    /^process_resident_memory_bytes /m,
  ]) {
    assert.match(text, series);
  }
});

test('what is likely to happen first is counted from zero, so that increase() sees it', async () => {
  const series = async (control: FakeControl) =>
    (await scrape(control)).match(/^opsd_(service_restarts|alerts)_total\{.*$/gm)?.map((line) => line.slice(5));
  const control = new FakeControl([service('web', FULL), service('db', UP)]);
  assert.deepEqual(await series(control), [
    'service_restarts_total{service="web",reason="exit_code"} 0',
    'service_restarts_total{service="web",reason="signal"} 0',
    'service_restarts_total{service="web",reason="heartbeat_lost"} 0',
    'service_restarts_total{service="db",reason="exit_code"} 0',
    'service_restarts_total{service="db",reason="signal"} 0',
    'alerts_total{service="web",reason="too_many_failures"} 0',
    'alerts_total{service="db",reason="too_many_failures"} 0',
  ]);
  control.change('db', 'backoff', {}, 'signal');
  control.change('db', 'starting', {}, 'backoff');
  const after = await series(control);
  assert.equal(after?.length, 7);
  assert.ok(after.includes('service_restarts_total{service="db",reason="signal"} 1'));
});

test('a service that is gone leaves no series behind', async () => {
  const control = new FakeControl([service('web', FULL), service('old', FULL)]);
  assert.match(await scrape(control), /service="old"/);
  control.services.delete('old');
  const text = await scrape(control);
  assert.doesNotMatch(text, /service="old"/);
  assert.match(
    text,
    /opsd_service_log_bytes_total\{service="web"\} 1024/,
    'counters are not added up from scrape to scrape',
  );
});

test('what does not apply has no series', async () => {
  const text = await scrape(new FakeControl([service('web')]));
  assert.doesNotMatch(text, /opsd_service_(cpu_ratio|heartbeat_age_seconds|last_exit_code|start_time_seconds)\{/);
});

test('labels are bounded: service, state, reason, and those of builds and buckets', async () => {
  const text = await scrape(new FakeControl([service('web', FULL)]));
  const labels = new Set(
    [...text.matchAll(/^opsd_\w+\{([^}]*)\}/gm)].flatMap(([, all = '']) => all.match(/\w+(?==")/g) ?? []),
  );
  assert.deepEqual([...labels].sort(), ['le', 'node', 'reason', 'service', 'state', 'version']);
});

test('scrapes at the same time are each whole', async () => {
  const control = new FakeControl([service('web', FULL)]);
  const texts = await Promise.all([scrape(control), scrape(control), scrape(control)]);
  for (const text of texts) assert.match(text, /opsd_service_log_bytes_total\{service="web"\} 1024\n/);
});

test('promtool finds nothing to object to', { skip: !hasPromtool && 'promtool is not installed' }, async () => {
  const control = new FakeControl([service('web', FULL), service('db')]);
  control.change('web', 'backoff', {}, 'signal');
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await scrape(control) });
  assert.deepEqual([status, stdout.toString(), stderr.toString()], [0, '', '']);
});

test('a thousand services: the scrape is whole, and no turn of the loop is long', async () => {
  const control = new FakeControl(Array.from({ length: 1_000 }, (_, i) => service(`service-${i}`, FULL)));
  await scrape(control);
  let longest = 0;
  let last = performance.now();
  let isOver = false;
  const watch = () => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    if (!isOver) setImmediate(watch);
  };
  setImmediate(watch);
  const text = await scrape(control);
  isOver = true;
  assert.equal(text.match(/^opsd_service_state\{/gm)?.length, 9_000);
  assert.ok(longest < 500, `others waited ${longest} ms`);
});

test('/metrics is served with the type of the text format, and two who ask at once cost one', async () => {
  await using doors = await openDoors([service('web', FULL)]);
  let made = 0;
  const metrics = doors.control.metrics.bind(doors.control);
  doors.control.metrics = () => {
    made++;
    return metrics();
  };
  const [one, two] = await Promise.all([ask(doors.tcp, '/metrics'), ask(doors.tcp, '/metrics')]);
  assert.equal(one?.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(one?.body, two?.body);
  assert.equal(made, 1);
});
