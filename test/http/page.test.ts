// The status page in a real browser: what a person sees, by mouse, keyboard and screen reader, and what cannot happen.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { RolloutView } from '../../src/api/rollouts.ts';
import { PAGE } from '../../src/http/page/page.ts';
import { startServers } from '../../src/http/server/server.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';
import { ask } from './ask.ts';
import { openDoors } from './doors.ts';
import { FakeControl, type FakeService, service, UP } from './fake-control.ts';

const CHROMIUM = '/usr/bin/chromium';
const skip = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed`;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = resolve(import.meta.dirname, '../../tmp/shots');
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

let browser: Browser;
before(async () => {
  if (skip) return;
  mkdirSync(SHOTS, { recursive: true });
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});
after(async () => {
  if (!skip) await browser.close();
});

const USED = { ...UP, cpu_ratio: 0.034, memory_bytes: 83e6, heartbeat_age_seconds: 0.4 };
const FAILED = {
  state: 'failed',
  reason: '11 failures in a row, the last: killed by SIGSEGV',
  failures_in_a_row: 11,
} as const;

const going: RolloutView = {
  ...{ service: 'api', kind: 'configuration', direction: 'forward', state: 'going', failure: null },
  ...{ detail: 'waits for api@2 (starting)', started_at: UP.started_at, ended_at: null },
  services: [
    { name: 'api@1', turn: 'done', state: 'running' },
    { name: 'api@2', turn: 'under way', state: 'starting' },
    { name: 'api@3', turn: 'waiting', state: 'running' },
  ],
};
const stopped: RolloutView = {
  ...{ ...going, service: 'mail', kind: 'restart', state: 'stopped', failure: 'mail@1 did not get ready: exit code 1' },
  detail: 'stopped, mail@1 did not get ready: exit code 1; see why, then: opsd ctl restart mail --rolling',
};
const scaled = { name: 'web', instances: 6, configured: 4 };

interface Shown extends AsyncDisposable {
  readonly page: Page;
  /** What the console said, and each request to another host. */
  readonly complaints: string[];
}

async function show(address: string, look: Parameters<Browser['newContext']>[0] = {}, path = '/'): Promise<Shown> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, bypassCSP: false, ...look });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(`http://${address}/`) && !request.url().startsWith('data:'))
      complaints.push(request.url());
  });
  await page.goto(`http://${address}${path}`);
  await page.waitForSelector('#rows tr');
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

const names = (page: Page) => page.locator('#rows td.name').allTextContents();

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const found: { id: string; nodes: { html: string }[] }[] = await page.evaluate(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((result) => result.violations)`,
  );
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

test('the page is small, whole, and the same on both doors', async () => {
  await using doors = await openDoors();
  const [tcp, socket] = await Promise.all([ask(doors.tcp, '/'), ask(doors.socket, '/')]);
  assert.equal(tcp?.body, PAGE);
  assert.equal(socket?.body, PAGE);
  assert.ok(Buffer.byteLength(PAGE) < 60_000);
  assert.doesNotMatch(PAGE, /(src|href)="(?!data:)|@import|url\(/);
  const policy = String(tcp?.headers['content-security-policy']);
  assert.match(policy, /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
});

test('trouble comes first, and changes come by themselves', { skip }, async () => {
  await using doors = await openDoors([service('web', USED), service('db', USED), service('search', FAILED)]);
  await using shown = await show(doors.tcp);
  const { page } = shown;
  assert.deepEqual(await names(page), ['search', 'web', 'db']);
  assert.match(await page.locator('tr.failed').innerText(), /killed by SIGSEGV/);
  assert.equal(await page.title(), '(1 down) opsd on bear');
  doors.control.change('db', 'backoff', { reason: 'exit code 3', cpu_ratio: null });
  await page.waitForSelector('tr.backoff');
  assert.deepEqual(await names(page), ['search', 'db', 'web']);
  doors.control.services.delete('search');
  doors.control.services.set('new', service('new', USED));
  await waitFor('the new picture', async () => (await names(page)).join() === 'db,web,new');
  assert.deepEqual(await names(page), ['db', 'web', 'new']);
  // Between two crashes it is not shown as one that runs.
  const soon = new Date(Date.now() + 60_000).toISOString();
  doors.control.change('db', 'running', { unstable_until: soon, failures_in_a_row: 4 });
  await page.waitForSelector('.state.backoff:text("unstable")');
  assert.match(await page.locator('tr', { hasText: 'unstable' }).innerText(), /failures in a row: 4; stable in \d+s/);
  assert.deepEqual(shown.complaints, []);
});

test('filter by name and by state', { skip }, async () => {
  const many = Array.from({ length: 30 }, (_, i) => service(`worker-${i}`, USED));
  await using doors = await openDoors([...many, service('web', USED), service('search', FAILED)]);
  await using shown = await show(doors.tcp);
  const { page } = shown;
  await page.keyboard.press('/');
  await page.keyboard.type('ER-2');
  assert.equal((await names(page)).length, 11);
  assert.equal(await page.locator('#found').textContent(), '11 of 32 services');
  await page.keyboard.press('Escape');
  assert.equal((await names(page)).length, 32);
  await page.getByRole('button', { name: /^failed/ }).click();
  assert.deepEqual(await names(page), ['search']);
  await page.fill('#filter', 'nothing like this');
  assert.equal(await page.locator('#empty').innerText(), 'No service fits the filter.');
});

test('every column sorts both ways', { skip }, async () => {
  await using doors = await openDoors([
    service('b', { ...USED, cpu_ratio: 0.2, memory_bytes: 1, restarts: 5 }),
    service('a', { ...USED, cpu_ratio: 0.9, memory_bytes: 3, restarts: 1 }),
    service('c', { ...USED, cpu_ratio: 0.1, memory_bytes: 2, restarts: 9 }),
  ]);
  await using shown = await show(doors.tcp);
  const { page } = shown;
  for (const [column, once, twice] of [
    ['Name', 'abc', 'cba'],
    ['CPU', 'abc', 'cba'],
    ['Memory', 'acb', 'bca'],
    ['Restarts', 'cba', 'abc'],
  ] as const) {
    await page.getByRole('button', { name: column }).click();
    assert.equal((await names(page)).join(''), once, column);
    await page.getByRole('button', { name: column }).click();
    assert.equal((await names(page)).join(''), twice, column);
  }
});

test('a service tells why, its history, and its last lines where page_logs is on', { skip }, async () => {
  let pageLogs = false;
  await using doors = await openDoors([service('web', USED), service('search', FAILED)], { pageLogs: () => pageLogs });
  doors.control.lines.set('search', ['last words \u001b[31m']);
  doors.control.change('search', 'failed', { reason: 'exit code 3' });
  await using shown = await show(doors.tcp);
  const { page } = shown;
  await page.getByRole('link', { name: 'search' }).press('Enter');
  await page.waitForSelector('#commands code');
  assert.equal(await page.locator('#summary').innerText(), 'search is failed: exit code 3.');
  assert.match(await page.locator('#history').innerText(), /failed → failed: exit code 3/);
  assert.doesNotMatch(await page.locator('#evidence').innerText(), /16:10:00/, 'the history says so already');
  const room = await page.locator('tr.failed td.why').evaluate(({ clientWidth }) => clientWidth);
  assert.ok(room >= 250, `the reason has ${room} px beside the panel`);
  assert.equal(await page.title(), '(1 down) opsd on bear');
  assert.match(await page.locator('#about').innerText(), /^on bear, version /);
  assert.equal(await page.locator('#log').isVisible(), false);
  assert.equal(await page.evaluate('document.activeElement.id'), 'title');
  pageLogs = true;
  doors.control.change('search', 'starting', { reason: 'retry' });
  await waitFor('the news', async () => (await page.locator('#summary').innerText()).includes('is starting'));
  assert.equal(await page.locator('#lines').innerText(), 'last words ␛[31m');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#detail').isVisible(), false);
  assert.equal(await page.evaluate('document.activeElement.textContent'), 'search');
  await using direct = await show(doors.tcp, {}, '/#/web');
  await direct.page.waitForSelector('#commands code');
  assert.equal(await direct.page.locator('#title').innerText(), 'web');
});

test('times of the history are those of the host, in the form of its log', { skip }, async () => {
  await using doors = await openDoors([service('web', USED)]);
  await using shown = await show(doors.tcp, { timezoneId: 'America/New_York', locale: 'en-US' }, '/#/web');
  await shown.page.waitForSelector('#commands code');
  const told = (at: string) => shown.page.evaluate(`timeOnHost('${at}')`);
  assert.equal(await told('2020-02-29T19:00:00.007Z'), 'Mar 01 00:30:00.007', 'five and a half hours ahead of UTC');
  assert.match(String(await told(new Date().toISOString())), /^\d\d:\d\d:\d\d\.\d{3}$/);
});

test('rollouts that are not over, and a scale that is not of the file, are told above the table', {
  skip,
}, async () => {
  await using doors = await openDoors([
    service('api@3', { ...USED, rollout: { turn: 'waiting', detail: 'its turn comes' } }),
    service('web', USED),
  ]);
  doors.control.rolloutViews = [going, stopped, { ...going, service: 'db', state: 'done' }];
  doors.control.groups = [scaled, { name: 'api', instances: 3, configured: 3 }];
  await using shown = await show(doors.tcp);
  const { page } = shown;
  const lines = () => page.locator('#notes li').allInnerTexts();
  await waitFor('both rollouts', async () => (await lines()).length === 3);
  const [change = '', restart = '', scale = ''] = await lines();
  assert.match(
    change,
    /^api\s*change in progress\s*1 of 3 done; waits for api@2 \(starting\) opsd ctl rollout status api$/,
  );
  assert.match(restart, /^mail\s*rolling restart stopped\s*mail@1 did not get ready: exit code 1; see why, then:/);
  assert.match(scale, /^web\s*scaled\s*instances: 6 of 4 in the file opsd ctl scale web --reset$/);
  assert.deepEqual(await page.locator('#notes code').allInnerTexts(), [
    'opsd ctl rollout status api',
    'opsd ctl restart mail --rolling',
    'opsd ctl scale web --reset',
  ]);
  assert.match((await page.locator('#rows td.why').allInnerTexts()).join(), /its turn comes/);

  doors.control.rolloutViews = [{ ...going, state: 'done' }];
  doors.control.change('api@3', 'running', { rollout: null });
  await waitFor('the end of the rollouts', async () => (await lines()).length === 1);
  doors.control.refused = { at: new Date().toISOString(), problems: ['cfg/config.toml:3: is not TOML'], count: 2 };
  await waitFor('the refused files', async () => (await lines()).length === 2);
  assert.match(
    (await lines())[0] ?? '',
    /^configuration\s*refused\s*the one before stays in force: cfg\/config\.toml:3: is not TOML, and 1 more opsd check$/,
  );
  doors.control.refused = null;
  doors.control.groups = [{ ...scaled, instances: 4 }];
  await page.waitForSelector('#notes', { state: 'hidden' });
  assert.deepEqual(shown.complaints, []);
});

test('nothing that services say is taken for HTML or run', { skip }, async () => {
  const evil = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
  await using doors = await openDoors([service('web', { ...FAILED, reason: evil })], { pageLogs: () => true });
  doors.control.rolloutViews = [{ ...going, service: evil, detail: evil }];
  doors.control.groups = [{ ...scaled, name: evil }];
  doors.control.refused = { at: evil, problems: [evil], count: 1 };
  doors.control.lines.set('web', [evil, 'x'.repeat(1_000_000), '\u0000\u202e']);
  doors.control.change('web', 'failed', { reason: evil });
  await using shown = await show(doors.tcp);
  const { page } = shown;
  await page.getByRole('link', { name: 'web' }).click();
  await page.waitForSelector('#commands code');
  assert.equal(await page.title(), '(1 down) opsd on bear');
  await page.waitForSelector('#notes li:nth-child(2)');
  assert.equal(await page.locator('img, #detail script, #notes script').count(), 0);
  assert.match(await page.locator('#lines').innerText(), /^<img src=x/);
  assert.deepEqual(shown.complaints, []);
});

test('a lost daemon is seen to be lost, and found again', { skip }, async () => {
  await using folder = await scratch();
  const control = new FakeControl([service('web', USED), service('search', FAILED)]);
  const socketPath = join(folder.path, 's');
  const options = {
    queries: control,
    commands: control,
    socketPath,
    socketMode: 0o600,
    socketGid: null,
    log: () => undefined,
  };
  const first = await startServers({ clock: systemClock, ...options, tcp: { host: '127.0.0.1', port: 0 } });
  const tcp = first.tcpAddress ?? '';
  await using shown = await show(tcp);
  const { page } = shown;
  await page.waitForSelector('#link.live');
  await first[Symbol.asyncDispose]();
  await page.waitForSelector('#banner:not([hidden])');
  assert.match(await page.locator('#banner').innerText(), /^Disconnected: .*Reconnecting…$/);
  assert.deepEqual(await violations(page), []);
  await page.screenshot({ path: join(SHOTS, 'disconnected.png') });
  control.services.delete('search');
  const again = { host: '127.0.0.1', port: Number(tcp.split(':').at(-1)) };
  await using _second = await startServers({ clock: systemClock, ...options, tcp: again });
  await page.waitForSelector('#link.live', { timeout: 15_000 });
  assert.equal(await page.locator('#banner').isVisible(), false);
  assert.deepEqual(await names(page), ['web']);
});

test('a screen reader finds its way: no violation, in light and dark, on a desk and on a phone', { skip }, async () => {
  const failing: FakeService[] = [
    service('search', FAILED),
    service('mailer', { state: 'backoff', reason: 'exit code 1' }),
  ];
  const rest = (['waiting', 'starting', 'stopping', 'killing', 'stopped', 'exited'] as const).map((state) =>
    service(state, { state, reason: state }),
  );
  await using doors = await openDoors([service('web', USED), service('api', USED), ...failing, ...rest], {
    pageLogs: () => true,
  });
  doors.control.lines.set('search', ['segment 77: bad checksum']);
  doors.control.rolloutViews = [going, stopped];
  doors.control.groups = [scaled];
  for (const [name, look] of [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['phone', { colorScheme: 'light', viewport: { width: 390, height: 780 } }],
  ] as const) {
    await using shown = await show(doors.tcp, look);
    const { page } = shown;
    await page.waitForSelector('#notes li:nth-child(3)');
    if (name !== 'phone') assert.deepEqual(await violations(page), [], name);
    await page.screenshot({ path: join(SHOTS, `${name}.png`) });
    assert.ok(
      await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
      `${name} does not scroll sideways`,
    );
    await page.getByRole('link', { name: 'search' }).click();
    await page.waitForSelector('#commands code');
    if (name !== 'light') assert.deepEqual(await violations(page), [], `${name}, a service`);
    await page.screenshot({ path: join(SHOTS, `${name}-service.png`) });
  }
});

test('a thousand services are shown, found and kept up to date', { skip }, async () => {
  await using doors = await openDoors(Array.from({ length: 1_000 }, (_, i) => service(`service-${i}`, USED)));
  await using shown = await show(doors.tcp);
  const { page } = shown;
  await waitFor('all of them', async () => (await page.locator('#rows tr').count()) === 1_000);
  for (let i = 0; i < 1_000; i++)
    doors.control.change(`service-${i}`, i % 2 === 0 ? 'backoff' : 'running', { restarts: i });
  await waitFor('all changes', async () => (await page.locator('tr.backoff').count()) === 500);
  await page.fill('#filter', 'service-777');
  assert.deepEqual(await names(page), ['service-777']);
});

/** A proxy that has opsd below a path, and does with an answer what `treat` says. */
async function proxyTo(
  address: string,
  path: string,
  treat: (url: string) => 'pass' | 'hold' | number = () => 'pass',
): Promise<AsyncDisposable & { readonly address: string }> {
  const server = createServer((asked, answer) => {
    const url = asked.url ?? '';
    const below = url === path ? '/' : url.startsWith(`${path}/`) ? url.slice(path.length) : null;
    const how = treat(url);
    if (below === null || typeof how === 'number') {
      answer.writeHead(typeof how === 'number' ? how : 404).end('the proxy does not know this');
      return;
    }
    const [host, port] = address.split(':');
    const { host: _, ...headers } = asked.headers;
    const passed = request({ host, port, path: below, headers: { ...headers, host: address } }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      answer.flushHeaders();
      if (how === 'pass') reply.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    answer.once('close', () => passed.destroy());
    passed.end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

test('behind a path of a proxy the page works, with a slash at its end or without', { skip }, async () => {
  await using doors = await openDoors([service('web', USED), service('search', FAILED)]);
  for (const [path, end] of [
    ['/ops', '/'],
    ['/ops', ''],
    ['/a/b%20c', '/'],
  ] as const) {
    await using proxy = await proxyTo(doors.tcp, path);
    await using shown = await show(proxy.address, {}, `${path}${end}`);
    const { page } = shown;
    assert.deepEqual(await names(page), ['search', 'web']);
    await page.getByRole('link', { name: 'web' }).click();
    await page.waitForSelector('#evidence dt');
    assert.deepEqual(shown.complaints, [], `${path}${end}`);
  }
});

test('a page that gets no data says so, and why', { skip }, async () => {
  await using doors = await openDoors([service('web', USED)]);
  const rows: readonly (readonly ['hold' | number, RegExp])[] = [
    [404, /no data: .*api\/v1\/services answers with 404: see what the proxy passes/],
    [502, /answers with 502/],
    ['hold', /opsd answers, but its stream of events does not come through.*proxy_buffering off/],
  ];
  for (const [how, told] of rows) {
    let isMended = false;
    const treat = (url: string) =>
      isMended || !url.includes('/api/') || (how === 'hold' && !url.includes('/events')) ? 'pass' : how;
    await using proxy = await proxyTo(doors.tcp, '/ops', treat);
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`http://${proxy.address}/ops/`);
    const banner = page.locator('#banner');
    await banner.waitFor({ state: 'visible' });
    assert.match(await banner.innerText(), told);
    assert.match(await page.locator('#empty').innerText(), /no data/);
    isMended = true;
    if (how !== 'hold') await page.waitForSelector('#rows tr');
    await context.close();
  }
});
