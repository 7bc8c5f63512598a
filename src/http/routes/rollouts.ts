// Rollouts over HTTP: GET /api/v1/rollouts shows them; POST with `{"action", "services", "wait"?}` gives commands.

import type { Commands } from '../../api/control.ts';
import type { RolloutAction } from '../../api/rollouts.ts';
import { configuredName } from '../../text/instance-name.ts';
import type { App } from '../context.ts';
import { alreadySent, failure, json, sendBytes } from './answers.ts';
import { readBody } from './body.ts';
import { claimedIdentity, sendOutcomes } from './commands.ts';
import type { RouteOptions } from './route-options.ts';
import { namesMeant, readAction } from './selection.ts';
import type { SharedAnswers } from './shared-answers.ts';

const ACTIONS: readonly RolloutAction[] = ['restart', 'undo', 'retry'];

export function addRolloutsReading(app: App, { queries }: RouteOptions, shared: SharedAnswers): void {
  app.get('/api/v1/rollouts', (c) => {
    const patterns = c.req.queries('service');
    if (patterns === undefined) return sendBytes(c.env.outgoing, shared.rollouts.get(), 'application/json');
    const names = namesMeant(shared.status.get().services, patterns);
    if (names instanceof Response) return names;
    const groups = new Set(names.map(configuredName));
    return json({ version: 1, rollouts: queries.rollouts().filter(({ service }) => groups.has(service)) });
  });
}

/** Each group gets one outcome, when its rollout is over. */
export function addRollouts(app: App, { queries, log }: RouteOptions, commands: Commands): void {
  app.post('/api/v1/rollouts', async (c) => {
    const body = await readBody(c.env.incoming, { action: 'other', services: 'other', wait: 'boolean' });
    if (!body.ok) return failure(body.status, body.code, body.message);
    const asked = readAction(ACTIONS, body.fields);
    if (asked instanceof Response) return asked;
    const { action, patterns } = asked;
    const { wait } = body.fields;
    const names = namesMeant(queries.status().services, patterns);
    if (names instanceof Response) return names;
    const by = claimedIdentity(c.env.incoming);
    const answers = [...Map.groupBy(names, configuredName)].map(([service, members]) => {
      return { service, outcome: commands.rollout(action, service, members, by) };
    });
    const told = answers
      .map(({ service }) => service)
      .slice(0, 10)
      .join(',');
    const command = action === 'restart' ? 'restart --rolling' : `rollout ${action}`;
    const record = (result: string) => log('info', 'command', { command, services: told, by, result });
    if (wait === false) record('not waited for');
    sendOutcomes(c.env.outgoing, answers, wait !== false, (failed) => {
      record(failed === 0 ? 'done' : `${failed} of ${answers.length} failed`);
    });
    return alreadySent();
  });
}
