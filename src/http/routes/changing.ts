// The routes that change something: only on the control socket, and each command is logged with the user it came from.

import type { Answer, Commands, Order } from '../../api/control.ts';
import type { ReloadResult } from '../../api/reload.ts';
import type { Outcome } from '../../core/model/effects.ts';
import { readSignal } from '../../text/signals.ts';
import type { App } from '../context.ts';
import { alreadySent, failure, json } from './answers.ts';
import { readBody } from './body.ts';
import { claimedIdentity, sendOutcomes } from './commands.ts';
import { addRollouts } from './rollouts.ts';
import type { RouteOptions } from './route-options.ts';
import { addScale } from './scale.ts';
import { findServices, namesMeant, readAction } from './selection.ts';

const ACTIONS = ['start', 'stop', 'restart', 'run', 'reset', 'signal'] as const;
type Action = (typeof ACTIONS)[number];
const CHANGING =
  /^\/api\/v1\/(?:orders|rollouts|reload|handover|shutdown|services\/[^/]+\/(?:start|stop|restart|run|signal|reset|scale))$/;

export function isChangingPath(path: string): boolean {
  return CHANGING.test(path);
}

/** The one path of these that can also be read. */
const READABLE = '/api/v1/rollouts';

/** The answer to another method than POST on a path that takes commands. */
export function onlyPost(path: string): Response {
  const allowed = path === READABLE ? 'GET, HEAD, POST' : 'POST';
  return failure(405, 'method_not_allowed', `${path} takes commands, by POST only`, { Allow: allowed });
}

export function addChanging(app: App, options: RouteOptions, commands: Commands): void {
  for (const action of ACTIONS) addOrder(app, options, commands, action);
  addOrders(app, options, commands);
  addReload(app, options, commands);
  addScale(app, options, commands);
  addRollouts(app, options, commands);
  for (const end of ['handover', 'shutdown'] as const) {
    app.post(`/api/v1/${end}`, async (c) => {
      const body = await readBody(c.env.incoming, {});
      if (!body.ok) return failure(body.status, body.code, body.message);
      const by = claimedIdentity(c.env.incoming);
      const ready = end === 'handover' ? await commands.prepareHandover(by) : null;
      options.log('info', 'command', { command: end, by, ...(ready?.ok === false ? { result: 'refused' } : {}) });
      if (ready?.ok === false) return refusal(ready);
      // The command runs after the answer was sent: opsd cannot send it while it ends.
      c.env.outgoing.once('close', () => commands[end](by));
      const message = end === 'shutdown' ? 'shutting down' : 'handing over';
      return json({ ok: true, message, ...(ready === null ? {} : { unit: ready.unit }) }, 202);
    });
  }
}

const SIGNAL = { signal: 'other' } as const;
const HOW = { wait: 'boolean', cascade: 'boolean' } as const;

function addOrder(app: App, { queries, log }: RouteOptions, commands: Commands, action: Action): void {
  app.post(`/api/v1/services/:name/${action}`, async (c) => {
    const body = await readBody(c.env.incoming, { ...(action === 'signal' ? SIGNAL : {}), ...HOW });
    if (!body.ok) return failure(body.status, body.code, body.message);
    const name = c.req.param('name');
    const found = findServices(queries.status().services, name);
    if (found instanceof Response) return found;
    const order = orderOf(action, body.fields);
    if (order instanceof Response) return order;
    const by = claimedIdentity(c.env.incoming);
    const names = found.map((service) => service.name);
    const taken = await commands.order(order, names, by);
    if (!taken.ok) return failure(409, taken.code, taken.message);
    const outcome = joinOutcomes(name, taken.answers, names);
    const record = (result: string) => log('info', 'command', { command: action, service: name, by, result });
    if (body.fields.wait === false) {
      record('not waited for');
      return json({ ok: true, message: 'accepted; not waited for' }, 202);
    }
    const result = await outcome;
    record(result.message);
    return result.ok ? json(result) : failure(statusOf(result.code), result.code, result.message);
  });
}

/** A command for several services. Body: `{"action", "services": [names, globs, all], "signal"?, "wait"?, "cascade"?}`. */
function addOrders(app: App, { queries, log }: RouteOptions, commands: Commands): void {
  app.post('/api/v1/orders', async (c) => {
    const body = await readBody(c.env.incoming, { action: 'other', services: 'other', ...SIGNAL, ...HOW });
    if (!body.ok) return failure(body.status, body.code, body.message);
    const asked = readAction(ACTIONS, body.fields);
    if (asked instanceof Response) return asked;
    const { action, patterns } = asked;
    const { wait } = body.fields;
    const meant = namesMeant(queries.status().services, patterns);
    if (meant instanceof Response) return meant;
    const order = orderOf(action, body.fields);
    if (order instanceof Response) return order;
    const by = claimedIdentity(c.env.incoming);
    const taken = await commands.order(order, meant, by);
    if (!taken.ok) return failure(409, taken.code, taken.message);
    const { answers } = taken;
    const names = answers.map(({ service }) => service);
    const record = (result: string) => log('info', 'command', { command: action, services: brief(names), by, result });
    if (wait === false) record('not waited for');
    sendOutcomes(c.env.outgoing, answers, wait !== false, (failed) =>
      record(failed === 0 ? 'done' : `${failed} of ${names.length} failed`),
    );
    return alreadySent();
  });
}

/** One outcome for the services of `asked`: that of a single service, or the outcomes of all instances joined. */
async function joinOutcomes(name: string, answers: readonly Answer[], asked: readonly string[]): Promise<Outcome> {
  const own = answers.filter(({ service }) => asked.includes(service));
  const outcomes = await Promise.all(own.map(({ outcome }) => outcome));
  const [first] = outcomes;
  if (first !== undefined && own[0]?.service === name) return first;
  const failed = outcomes.filter((outcome) => !outcome.ok);
  const [worst] = failed;
  if (worst !== undefined) return { ...worst, message: failed.map(({ message }) => message).join('; ') };
  return { ok: true, message: outcomes.map(({ message }) => message).join('; ') };
}

function addReload(app: App, { log }: RouteOptions, commands: Commands): void {
  app.post('/api/v1/reload', async (c) => {
    const body = await readBody(c.env.incoming, { dry_run: 'boolean', allow_empty: 'boolean' });
    if (!body.ok) return failure(body.status, body.code, body.message);
    const by = claimedIdentity(c.env.incoming);
    const dryRun = body.fields.dry_run === true;
    const result = await commands.reload({ dryRun, allowEmpty: body.fields.allow_empty === true }, by);
    const told = result.ok ? changesOf(result.changes.length) : `refused: ${result.message}`;
    log('info', 'command', { command: dryRun ? 'reload --dry-run' : 'reload', by, result: told });
    if (!result.ok) return refusal(result);
    const { changes, daemon, hostProblems } = result;
    return json({ version: 1, dry_run: dryRun, changes, daemon, host_problems: hostProblems });
  });
}

function refusal({ code, message, problems }: Extract<ReloadResult, { readonly ok: false }>): Response {
  return json({ error: { code, message }, problems }, code === 'shutting_down' ? 503 : 422);
}

function changesOf(count: number): string {
  return count === 1 ? '1 service changes' : `${count} services change`;
}

function orderOf(action: Action, fields: Readonly<Record<string, unknown>>): Order | Response {
  if (action === 'stop') return { action, cascade: fields.cascade === true };
  if (action !== 'signal') return { action };
  const signal = readSignal(fields.signal);
  if (signal.ok) return { action, signal: signal.value };
  const hint = signal.hint || 'kill -l lists them';
  return failure(400, 'bad_request', `signal: expected a name such as SIGHUP or HUP; ${hint}`);
}

function statusOf(code: Extract<Outcome, { ok: false }>['code']): number {
  if (code === 'unknown_service') return 404;
  return code === 'shutting_down' ? 503 : 409;
}

function brief(names: readonly string[]): string {
  return names.length <= 10 ? names.join(',') : `${names.slice(0, 10).join(',')} and ${names.length - 10} more`;
}
