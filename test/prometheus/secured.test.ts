// A real Prometheus scrapes an opsd that answers over TLS only, and only those who have the token or a certificate.

import { strict as assert } from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { newAuthority } from '../support/certificates.ts';
import { startOpsd } from '../support/opsd.ts';
import { freePort } from '../support/requests.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';

const skip = spawnSync('prometheus', ['--version']).status !== 0 && 'not installed: prometheus';
const TOKEN = 'b3BzZCBpcyBzY3JhcGVk';

test('scraped with TLS and a token, or a certificate; without either it is down', { skip }, async () => {
  await using folder = await scratch();
  const authority = newAuthority(folder.path, 'authority');
  const clients = newAuthority(folder.path, 'clients');
  const server = authority.sign('server');
  const client = clients.sign('prometheus');
  await using opsd = await startOpsd({
    http: 'on',
    config: `
daemon.tls = { cert = "${server.cert}", key = "${server.key}", client_ca = "${clients.cert}" }
[services.fine]
command = ["sleep", "600"]
`,
    files: { 'p/key/env.toml': `daemon.http_token = "${TOKEN}"\n` },
  });
  await opsd.until('fine', 'running');
  const dir = join(opsd.dir, 'monitoring');
  await mkdir(dir);
  await writeFile(join(dir, 'token'), TOKEN);
  const port = await freePort();
  const ca = `ca_file: "${authority.cert}"`;
  const job = (name: string, more: string) => `
  - job_name: ${name}
    scheme: https
    ${more}
    static_configs: [{ targets: ["127.0.0.1:${opsd.port}"] }]`;
  const jobs = [
    job('token', `authorization: { credentials_file: token }\n    tls_config: { ${ca} }`),
    job('browser', `basic_auth: { username: any, password: ${TOKEN} }\n    tls_config: { ${ca} }`),
    job('certificate', `tls_config: { ${ca}, cert_file: "${client.cert}", key_file: "${client.key}" }`),
    job('nothing', `tls_config: { ${ca} }`),
    job('stranger', `authorization: { credentials: wrong-token-0123456789 }\n    tls_config: { ${ca} }`),
    job('unsure', 'authorization: { credentials_file: token }'),
  ];
  await writeFile(
    join(dir, 'prometheus.yml'),
    `global: { scrape_interval: 5s, scrape_timeout: 5s }\nscrape_configs:${jobs.join('')}\n`,
  );
  const child = spawn(
    'prometheus',
    ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`],
    { cwd: dir, stdio: 'ignore' },
  );
  await using _ = {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
  const expected: Readonly<Record<string, RegExp>> = {
    token: /^up $/,
    browser: /^up $/,
    certificate: /^up $/,
    nothing: /^down .*401/,
    stranger: /^down .*401/,
    unsure: /^down .*certificate signed by unknown authority/,
  };
  let told: string[] = [];
  // On a busy host a scrape may be late now and then: the next one is not.
  const isAsExpected = async () => {
    const targets = await targetsOf(port);
    told = targets.map(({ job, health, error }) => `${job}: ${health} ${error}`);
    const isFine = ({ job, health, error }: Target) => expected[job]?.test(`${health} ${error}`);
    return targets.length === jobs.length && targets.every(isFine);
  };
  await waitFor('each to be let in or not', isAsExpected, 60_000).catch(() => assert.fail(told.join('\n')));
});

interface Target {
  readonly job: string;
  readonly health: string;
  readonly error: string;
}

/** Those that were scraped already. */
async function targetsOf(port: number): Promise<Target[]> {
  const reply = await fetch(`http://127.0.0.1:${port}/api/v1/targets?state=active`).catch(() => null);
  const answer = (reply?.ok ? await reply.json() : undefined) as
    | { data?: { activeTargets?: { labels: { job: string }; health: string; lastError: string }[] } }
    | undefined;
  return (answer?.data?.activeTargets ?? [])
    .filter(({ health }) => health !== 'unknown')
    .map(({ labels, health, lastError }) => ({ job: labels.job, health, error: lastError }));
}
