// Makes docs/status-page.png anew: node test/http/readme-page.ts. Figures are made up, all else is the real page.

import { resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { openDoors } from './doors.ts';
import { service, UP } from './fake-control.ts';

const FILE = resolve(import.meta.dirname, '../../docs/status-page.png');
/** Rounds of figures, so that the sparklines have a shape. */
const ROUNDS = 12;

const CRASH = { state: 'backoff', reason: 'exit code 1', failures_in_a_row: 3, restarts: 3 } as const;
const FAILED = { state: 'failed', reason: 'command nodee is not in PATH', failures_in_a_row: 1 } as const;
const started = (minutesAgo: number) => new Date(Date.now() - minutesAgo * 60_000).toISOString();
const services = [
  service('web', { ...UP, started_at: started(4_321), heartbeat_age_seconds: 0.4 }),
  service('api', { ...UP, started_at: started(310), restarts: 2, heartbeat_age_seconds: 1.2 }),
  service('db', { ...UP, started_at: started(4_321) }),
  service('mail', { ...CRASH, next_attempt_at: new Date(Date.now() + 60_000).toISOString() }),
  service('import', FAILED),
  service('backup', { state: 'exited', reason: 'exit code 0', exit: { code: 0, signal: null } }),
];

await using doors = await openDoors(services);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await browser.newPage({ viewport: { width: 1000, height: 420 } });
  await page.goto(`http://${doors.tcp}/`);
  await page.waitForSelector('#rows tr');
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [place, name] of ['web', 'api', 'db'].entries()) {
      const wave = 1 + Math.sin(round / 2 + place);
      const figures = {
        cpu_ratio: 0.04 + 0.1 * wave * (place + 1),
        memory_bytes: 6e7 * (place + 1) + 4e6 * round * wave,
      };
      doors.control.change(name, 'running', { ...figures, reason: 'up and ready' });
    }
    await page.waitForTimeout(1_100);
  }
  await page.screenshot({ path: FILE });
} finally {
  await browser.close();
}
