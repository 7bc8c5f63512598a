// Alerts and dashboard: they fire when they should, and name only what opsd tells.

import { strict as assert } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { renderMetrics } from '../../src/http/metrics/metrics.ts';
import { FakeControl, service } from '../http/fake-control.ts';

const root = join(import.meta.dirname, '../..');
const ALERTS = join(root, 'cfg/prometheus/alerts.yml');
const DASHBOARD = join(root, 'cfg/grafana/opsd.json');
const missing = spawnSync('promtool', ['--version']).status !== 0 && 'promtool is not installed';
/** Not opsd's own: Prometheus makes the first, prom-client the second. */
const FOREIGN = new Set(['up', 'process_resident_memory_bytes']);

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', timeout: 30_000 });
  assert.equal(status, 0, `${stdout}${stderr}`);
}

test('promtool accepts the alerts', { skip: missing }, () => promtool('check', 'rules', ALERTS));

test('each alert fires beyond its threshold, and not before', { skip: missing }, () => {
  promtool('test', 'rules', join(import.meta.dirname, 'alerts.yml'));
});

test('each alert has a test, a severity and a runbook', () => {
  const tests = readFileSync(join(import.meta.dirname, 'alerts.yml'), 'utf8');
  const rules = readFileSync(ALERTS, 'utf8')
    .split(/^ {6}- alert: /m)
    .slice(1);
  assert.ok(rules.length >= 10);
  for (const rule of rules) {
    const [name = ''] = rule.split('\n');
    assert.ok(tests.includes(`alertname: ${name}`), `${name} has no test`);
    assert.match(rule, /severity: (warning|critical)/, name);
    assert.match(rule, /runbook: \S.{20,}/, name);
  }
});

test('alerts and dashboard name only metrics that opsd exports', async () => {
  const exported = new Set([...FOREIGN, ...(await exportedNames())]);
  const rules = readFileSync(ALERTS, 'utf8').replaceAll(/^ *(summary|runbook|- alert|- name):.*$/gm, '');
  const named = [...namesIn(rules), ...dashboardQueries().flatMap(namesIn)];
  assert.ok(named.length > 20);
  assert.deepEqual(
    named.filter((name) => !exported.has(name)),
    [],
  );
});

test('the dashboard has a title, a text and a query in each panel, and no panel over another', () => {
  const { panels } = dashboard();
  const taken = new Set<string>();
  for (const { title, description, targets, gridPos } of panels) {
    assert.ok(title && description && targets.length > 0, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        assert.ok(!taken.has(`${x},${y}`), `${title} lies over another panel`);
        taken.add(`${x},${y}`);
      }
    }
  }
});

interface Panel {
  readonly title: string;
  readonly description: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string }[];
}

function dashboard(): {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: { query: string }[] };
} {
  return JSON.parse(readFileSync(DASHBOARD, 'utf8'));
}

function dashboardQueries(): string[] {
  const { panels, templating } = dashboard();
  return [
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...templating.list.map((one) => one.query),
  ];
}

/** Words of a query that can only be metrics. */
function namesIn(query: string): string[] {
  return query.match(/\b(opsd|process)_[a-z_]+\b|\bup(?=\{)/g) ?? [];
}

async function exportedNames(): Promise<string[]> {
  const control = new FakeControl([service('web', { state: 'running' })]);
  const text = (await renderMetrics(control.metrics())).toString();
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', kind]) =>
    kind === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
}
