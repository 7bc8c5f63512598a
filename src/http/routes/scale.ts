// POST /api/v1/services/NAME/scale sets the number of instances. Body: `{"instances": 6}`; null: as in the file.

import type { Commands } from '../../api/control.ts';
import type { App } from '../context.ts';
import { failure, json } from './answers.ts';
import { readBody } from './body.ts';
import { claimedIdentity } from './commands.ts';
import type { RouteOptions } from './route-options.ts';

const STATUS = {
  unknown_service: 404,
  bad_request: 400,
  bad_configuration: 422,
  not_as_configured: 409,
  not_saved: 500,
  shutting_down: 503,
};

export function addScale(app: App, { log }: RouteOptions, commands: Commands): void {
  app.post('/api/v1/services/:name/scale', async (c) => {
    const body = await readBody(c.env.incoming, { instances: 'other' });
    if (!body.ok) return failure(body.status, body.code, body.message);
    const { instances } = body.fields;
    if (instances !== null && typeof instances !== 'number') {
      return failure(400, 'bad_request', 'instances: expected a number, or null for that of the file');
    }
    const service = c.req.param('name');
    const by = claimedIdentity(c.env.incoming);
    const result = commands.scale(service, instances, by);
    const told = result.ok ? `${result.before} to ${result.group.instances}` : result.message;
    log('info', 'command', { command: 'scale', service, by, result: told });
    if (result.ok) {
      const { group, before, added, removed } = result;
      return json({ version: 1, group, before, added, removed });
    }
    const { code, message, problems } = result;
    return json(
      problems === undefined ? { error: { code, message } } : { error: { code, message }, problems },
      STATUS[code],
    );
  });
}
