// The routes of each listener: TCP gets those that read, the control socket gets all.

import { Hono } from 'hono';
import { formatDuration } from '../../text/units.ts';
import type { App, Ask } from '../context.ts';
import { answer, failure, json, sendBytes } from './answers.ts';
import { addChanging, isChangingPath, onlyPost } from './changing.ts';
import { addReading } from './reading.ts';
import { addRolloutsReading } from './rollouts.ts';
import type { RouteOptions } from './route-options.ts';
import { SharedAnswers } from './shared-answers.ts';

export function routes(options: RouteOptions): App {
  const app: App = new Hono();
  app.notFound(({ req }) => {
    const isMisused = options.via === 'socket' && req.method !== 'POST' && isChangingPath(req.path);
    return isMisused ? onlyPost(req.path) : failure(404, 'not_found', `there is nothing at ${req.path}`);
  });
  app.onError((error) => {
    options.log('error', 'an HTTP request failed', { error: error.message });
    return failure(500, 'internal', 'opsd failed to answer; its log says why');
  });
  if (options.via === 'tcp') app.use(refuseChanges);
  addHealth(app, options);
  const shared = new SharedAnswers(options);
  addReading(app, options, shared);
  addRolloutsReading(app, options, shared);
  addMetricsAndPage(app, options, shared);
  if (options.commands !== null) addChanging(app, options, options.commands);
  return app;
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

function addHealth(app: App, { queries }: RouteOptions): void {
  app.get('/.well-known/live', () => {
    const { ok, lagSeconds } = queries.live();
    if (ok) return json({ status: 'live', lag_seconds: lagSeconds });
    return failure(
      503,
      'stalled',
      `the event loop of opsd is ${formatDuration(Math.round(lagSeconds * 10) * 100)} late: services are not supervised`,
    );
  });
  app.get('/.well-known/ready', () => {
    const { ok, waiting } = queries.ready();
    if (ok) return json({ status: 'ready' });
    const more = waiting.length > 10 ? ` and ${waiting.length - 10} more` : '';
    return failure(503, 'not_ready', `not up: ${waiting.slice(0, 10).join(', ')}${more}`);
  });
}

function addMetricsAndPage(app: App, { turn }: RouteOptions, { metrics }: SharedAnswers): void {
  app.get('/metrics', async (c) => {
    const bytes = await metrics.get();
    // Many clients may wait for the same scrape, and writing it to each takes time: one per turn of the loop.
    await turn();
    return sendBytes(c.env.outgoing, bytes, 'text/plain; version=0.0.4; charset=utf-8');
  });
  app.get('/', async () => {
    const { PAGE, PAGE_HEADERS } = await import('../page/page.ts');
    return answer(PAGE, 'text/html; charset=utf-8', 200, PAGE_HEADERS);
  });
}
