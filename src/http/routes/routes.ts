// What each HTTP request is answered. TCP gets the reading half, the unix socket all of it.

import { Hono } from 'hono';
import type { App, Ask } from '../context.ts';
import { answer, failure, json } from './answers.ts';
import { addChanging, isChangingPath, onlyPost } from './changing.ts';
import { Fresh } from './fresh.ts';
import { addReading } from './reading.ts';
import { addRolloutsReading } from './rollouts.ts';
import type { RouteOptions } from './route-options.ts';

/** How long an answer serves others too. A change of state makes it old at once. */
const KEEP_ANSWERS = 250;

export function routes(options: RouteOptions): App {
  const app: App = new Hono();
  app.notFound(({ req }) => {
    const isMisused = options.door === 'socket' && req.method !== 'POST' && isChangingPath(req.path);
    return isMisused ? onlyPost(req.path) : failure(404, 'not_found', `there is nothing at ${req.path}`);
  });
  app.onError((error) => {
    options.log('error', 'an HTTP request failed', { error: error.message });
    return failure(500, 'internal', 'opsd failed to answer; its log says why');
  });
  if (options.door === 'tcp') app.use(refuseChanges);
  addHealth(app, options);
  addReading(
    app,
    options,
    shared(options, () => `${JSON.stringify(options.control.status())}\n`),
  );
  addRolloutsReading(app, options);
  addMetricsAndPage(app, options);
  if (options.door === 'socket') addChanging(app, options);
  return app;
}

/** Pages and scrapers share answers; who asks over the socket may just have changed something and gets a new one. */
function shared(
  { control, door }: RouteOptions,
  make: () => string | Promise<Uint8Array<ArrayBuffer>>,
): Fresh<Uint8Array<ArrayBuffer>> {
  const version = () => control.recentEvents().at(-1)?.id ?? 0;
  return new Fresh(door === 'tcp' ? KEEP_ANSWERS : 0, version, async () => {
    const made = await make();
    return typeof made === 'string' ? Buffer.from(made) : made;
  });
}

async function refuseChanges(c: Ask, next: () => Promise<void>): Promise<Response | undefined> {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') {
    await next();
    return undefined;
  }
  if (c.req.method === 'POST' && isChangingPath(c.req.path)) {
    return failure(403, 'read_only', 'nothing can be changed over TCP; use opsd ctl on this host');
  }
  return failure(405, 'method_not_allowed', 'TCP answers GET and HEAD only', { Allow: 'GET, HEAD' });
}

function addHealth(app: App, { control }: RouteOptions): void {
  app.get('/.well-known/live', () => {
    const { ok, lagSeconds } = control.live();
    if (ok) return json({ status: 'live', lag_seconds: lagSeconds });
    return failure(503, 'stalled', `the loop of opsd is ${lagSeconds.toFixed(1)} s late: services are not supervised`);
  });
  app.get('/.well-known/ready', () => {
    const { ok, waiting } = control.ready();
    if (ok) return json({ status: 'ready' });
    const more = waiting.length > 10 ? ` and ${waiting.length - 10} more` : '';
    return failure(503, 'not_ready', `not up: ${waiting.slice(0, 10).join(', ')}${more}`);
  });
}

function addMetricsAndPage(app: App, options: RouteOptions): void {
  // Loaded with the first scrape: not everybody has a Prometheus, and it takes 5 MB.
  const metrics = shared(options, async () => {
    const { renderMetrics } = await import('../metrics/metrics.ts');
    return renderMetrics(options.control.metrics());
  });
  app.get('/metrics', async () => answer(await metrics.get(), 'text/plain; version=0.0.4; charset=utf-8'));
  app.get('/', async () => {
    const { PAGE, PAGE_HEADERS } = await import('../page/page.ts');
    return answer(PAGE, 'text/html; charset=utf-8', 200, PAGE_HEADERS);
  });
}
