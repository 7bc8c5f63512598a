// The routes that only read: services, graph, why, events, logs.

import type { ServiceView } from '../../api/services.ts';
import { dateOf } from '../../runtime/wall-time.ts';
import { groupOfInstance } from '../../text/instance-name.ts';
import type { App } from '../context.ts';
import { LogLines, MOST_LINES } from '../streams/log-stream.ts';
import { alreadySent, answer, failure, json, PLAIN, sendBytes, sendFailure } from './answers.ts';
import { graphOf } from './graph.ts';
import type { RouteOptions } from './route-options.ts';
import { findService, findServices, isOne, namesMeant, unknown } from './selection.ts';
import type { SharedAnswers } from './shared-answers.ts';

/** The number of log streams at once; each has an open file. */
const MAX_LOG_STREAMS = 64;

export function addReading(app: App, options: RouteOptions, shared: SharedAnswers): void {
  const { queries, streams } = options;
  const services = () => shared.status.get().services;
  app.get('/api/v1/services', (c) => {
    const patterns = c.req.queries('service');
    if (patterns === undefined) return sendBytes(c.env.outgoing, shared.services.get(), 'application/json');
    const status = shared.status.get();
    const names = namesMeant(status.services, patterns);
    if (names instanceof Response) return names;
    const wanted = new Set(names);
    const members = new Set(names.map(groupOfInstance));
    return json({
      ...status,
      groups: status.groups.filter(({ name }) => members.has(name)),
      services: status.services.filter(({ name }) => wanted.has(name)),
    });
  });
  app.get('/api/v1/graph', (c) => {
    const patterns = c.req.queries('service');
    if (patterns === undefined) return sendBytes(c.env.outgoing, shared.graph.get(), 'application/json');
    const names = namesMeant(services(), patterns);
    return names instanceof Response ? names : json(graphOf(queries.graph(), names));
  });
  app.get('/api/v1/services/:name', (c) => {
    const found = findServices(services(), c.req.param('name'));
    if (found instanceof Response) return found;
    return json(
      isOne(found, c.req.param('name')) ? { version: 1, service: found[0] } : { version: 1, services: found },
    );
  });
  app.get('/api/v1/services/:name/why', (c) => {
    const service = findService(services(), c.req.param('name'));
    if (service instanceof Response) return service;
    const why = queries.why(service.name, mayShowOutput(options));
    return why === null ? unknown(services(), service.name) : json(why);
  });
  app.get('/api/v1/services/:name/events', (c) => {
    const found = findServices(services(), c.req.param('name'));
    if (found instanceof Response) return found;
    const names = new Set(found.map(({ name }) => name));
    return json({ version: 1, events: queries.recentEvents().filter(({ service }) => names.has(service)) });
  });
  app.get('/api/v1/events/recent', (c) => sendBytes(c.env.outgoing, shared.events.get(), 'application/json'));
  app.get('/api/v1/events', (c) => {
    if (c.req.method === 'HEAD') return answer('', 'text/event-stream');
    const kind = c.req.query('of') === 'services' ? 'services' : 'changes';
    const since = c.req.header('last-event-id') ?? c.req.query('since') ?? null;
    if (streams.add(c.env.outgoing, options.via, kind, since)) return alreadySent();
    return failure(503, 'too_many', 'too many event streams are open; close one');
  });
  addLog(app, options, services);
}

function addLog(app: App, options: RouteOptions, services: () => readonly ServiceView[]): void {
  let open = 0;
  app.get('/api/v1/services/:name/log', (c) => {
    if (!mayShowOutput(options)) {
      return failure(403, 'read_only', 'TCP shows logs only where daemon.page_logs is true; use opsd ctl logs');
    }
    const service = findService(services(), c.req.param('name'));
    if (service instanceof Response) return service;
    const log = options.queries.logOf(service.name);
    if (log === null) {
      return failure(404, 'no_log', `${service.name} has no log file: its log.mode sends the output elsewhere`);
    }
    const lines = Number(c.req.query('lines') ?? 100);
    if (!Number.isInteger(lines) || lines < 0 || lines > MOST_LINES) {
      return failure(400, 'bad_request', `lines: expected a number from 0 to ${MOST_LINES}`);
    }
    const asked = c.req.query('since');
    const since = asked === undefined ? null : Number(asked);
    if (since !== null && !(since >= 0)) return failure(400, 'bad_request', 'since: expected Unix milliseconds');
    const whyNot = log.whyNot();
    if (whyNot !== null) return failure(409, 'not_its_log', `the log of ${service.name} is not read: ${whyNot}`);
    if (open >= MAX_LOG_STREAMS) return failure(503, 'too_many', 'too many logs are being read; close one');
    if (c.req.method === 'HEAD') return answer('', 'text/plain; charset=utf-8');
    const out = c.env.outgoing;
    const isDeep = c.req.query('rotated') === 'true';
    const send = async () => {
      await using found = await LogLines.find({ log, isDeep, lines, since });
      if (since !== null && found.isStamped === false) {
        const remedy = 'set log.timestamps = true for it and reload, or use -n';
        const message = `--since: the lines of the log of ${service.name} have no timestamps; ${remedy}`;
        return sendFailure(out, 400, 'bad_request', message);
      }
      const older = isDeep && found.goesBack ? await log.older() : null;
      // The path of the next older file, which this answer does not contain.
      const also = older === null ? {} : { 'X-Opsd-Older': encodeURI(options.hide(older)) };
      const at = found.writtenAt === null ? {} : { 'Last-Modified': dateOf(found.writtenAt).toUTCString() };
      out.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', ...PLAIN, ...also, ...at });
      out.flushHeaders();
      await found.send(out, c.req.query('follow') === 'true', options.clock);
    };
    open++;
    send()
      .then(() => out.end())
      .catch((error: Error) => {
        options.log('warn', 'cannot read a log', { service: service.name, error: error.message });
        out.destroy();
      })
      .finally(() => open--);
    return alreadySent();
  });
}

function mayShowOutput({ via, pageLogs }: RouteOptions): boolean {
  return via === 'socket' || pageLogs();
}
