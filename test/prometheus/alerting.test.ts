// From a service that fails to an alert in somebody's inbox: a real opsd, a real Prometheus, a real Alertmanager.

import { strict as assert } from 'node:assert';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { freePort } from '../support/requests.ts';
import { waitFor } from '../support/wait.ts';

const ALERTS = join(import.meta.dirname, '../../cfg/prometheus/alerts.yml');
const absent = ['prometheus', 'prometheus-alertmanager'].filter(
  (program) => spawnSync(program, ['--version']).status !== 0,
);
const skip = absent.length > 0 && `not installed: ${absent.join(', ')}`;

interface Alert {
  readonly status: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

test('a service that fails rings the bell of a person', { skip }, async () => {
  await using opsd = await startOpsd({
    http: 'on',
    config: `
[services.web]
command = ["sh", "-c", "exit 3"]
max_failures = 0
[services.fine]
command = ["sleep", "600"]
`,
  });
  await opsd.until('web', 'failed');
  await using inbox = await openInbox();
  const dir = join(opsd.dir, 'monitoring');
  const ports = { prometheus: await freePort(), alertmanager: await freePort() };
  await mkdir(dir);
  await writeFile(join(dir, 'alertmanager.yml'), alertmanagerConfig(inbox.port));
  await writeFile(join(dir, 'prometheus.yml'), prometheusConfig(opsd.port, ports.alertmanager));
  await using alertmanager = run('prometheus-alertmanager', dir, [
    '--config.file=alertmanager.yml',
    '--storage.path=alertmanager',
    `--web.listen-address=127.0.0.1:${ports.alertmanager}`,
    '--cluster.listen-address=',
  ]);
  await using prometheus = run('prometheus', dir, [
    '--config.file=prometheus.yml',
    '--storage.tsdb.path=prometheus',
    `--web.listen-address=127.0.0.1:${ports.prometheus}`,
  ]);
  const query = async (expression: string) => {
    const url = `http://127.0.0.1:${ports.prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const reply = await fetch(url).catch(() => null);
    // Until it has read its own past it answers with "Service Unavailable".
    const answer = (reply?.ok ? await reply.json() : undefined) as
      | { data?: { result?: { value: [number, string] }[] } }
      | undefined;
    return answer?.data?.result?.[0]?.value[1];
  };
  assert.equal(await waitFor('a scrape', () => query('opsd_service_up{service="fine"}'), 30_000), '1');
  assert.equal(await query('opsd_service_state{service="web", state="failed"}'), '1');
  const alert = await waitFor(
    `the alert (Prometheus ${prometheus.pid}, Alertmanager ${alertmanager.pid})`,
    () => inbox.alerts.find(({ labels }) => labels.alertname === 'OpsdCritical'),
    60_000,
  );
  assert.deepEqual([alert.status, alert.labels.service, alert.labels.severity], ['firing', 'web', 'critical']);
  assert.match(alert.annotations.runbook ?? '', /opsd ctl why web/);
  assert.ok(
    inbox.alerts.every(({ labels }) => labels.service !== 'fine'),
    'nobody is woken for what is well',
  );
});

/** A web hook that keeps what it is sent. */
async function openInbox(): Promise<{ readonly port: number; readonly alerts: Alert[] } & AsyncDisposable> {
  const alerts: Alert[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      alerts.push(...(JSON.parse(body) as { alerts: Alert[] }).alerts);
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    alerts,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function run(program: string, cwd: string, args: string[]): ChildProcess & AsyncDisposable {
  const child = spawn(program, args, { cwd, stdio: 'ignore' });
  return Object.assign(child, {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  });
}

function alertmanagerConfig(port: number): string {
  return `
route: { receiver: person, group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
receivers:
  - name: person
    webhook_configs: [{ url: "http://127.0.0.1:${port}/", send_resolved: false }]
`;
}

function prometheusConfig(opsd: number, alertmanager: number): string {
  return `
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ["${ALERTS}"]
alerting: { alertmanagers: [{ static_configs: [{ targets: ["127.0.0.1:${alertmanager}"] }] }] }
scrape_configs:
  - job_name: opsd
    static_configs: [{ targets: ["127.0.0.1:${opsd}"] }]
`;
}
