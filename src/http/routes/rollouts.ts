// Rollouts over HTTP: GET /api/v1/rollouts shows them; POST with `{"action", "services", "wait"?}` gives orders to them.

import type { RolloutAction } from '../../api/rollouts.ts';
import { groupOfInstance, select } from '../../api/select.ts';
import type { App } from '../context.ts';
import { failure, json, underWay } from './answers.ts';
import { readBody } from './body.ts';
import { claimedIdentity, sendOutcomes } from './commands.ts';
import type { RouteOptions } from './route-options.ts';

const ACTIONS: readonly RolloutAction[] = ['restart', 'undo', 'retry'];

export function addRolloutsReading(app: App, { control }: RouteOptions): void {
  app.get('/api/v1/rollouts', (c) => {
    const patterns = c.req.queries('service');
    const all = control.rollouts();
    if (patterns === undefined) return json({ version: 1, rollouts: all });
    const { names, unknown } = select(control.status().services, patterns);
    if (unknown.length > 0) return failure(404, 'unknown_service', unknown.join('\n'));
    const groups = new Set(names.map(groupOf));
    return json({ version: 1, rollouts: all.filter(({ service }) => groups.has(service)) });
  });
}

/** Of each service one outcome, when its rollout is over. */
export function addRollouts(app: App, { control, log }: RouteOptions): void {
  app.post('/api/v1/rollouts', async (c) => {
    const body = await readBody(c.env.incoming, { action: 'other', services: 'other', wait: 'boolean' });
    if (!body.ok) return failure(body.status, body.code, body.message);
    const { services: patterns, wait } = body.fields;
    const action = ACTIONS.find((known) => known === body.fields.action);
    if (action === undefined) return failure(400, 'bad_request', `action: expected one of ${ACTIONS.join(', ')}`);
    if (!Array.isArray(patterns) || !patterns.every((pattern) => typeof pattern === 'string')) {
      return failure(400, 'bad_request', 'services: expected a list of names, globs, or all');
    }
    const { names, unknown } = select(control.status().services, patterns);
    if (unknown.length > 0) return failure(404, 'unknown_service', unknown.join('\n'));
    const by = claimedIdentity(c.env.incoming);
    const answers = [...Map.groupBy(names, groupOf)].map(([service, members]) => {
      return { service, outcome: control.rollout(action, service, members, by) };
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
    return underWay();
  });
}

function groupOf(name: string): string {
  return groupOfInstance(name) ?? name;
}
