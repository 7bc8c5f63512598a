// Joins the routes to Node's HTTP server.

import type { RequestListener } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { failure } from './answers.ts';
import type { RouteOptions } from './route-options.ts';
import { routes } from './routes.ts';

export function newApp(options: RouteOptions): RequestListener {
  const app = routes(options);
  const listen = getRequestListener((request, env) => app.fetch(request, env), {
    hostname: 'localhost',
    overrideGlobalObjects: false,
    errorHandler: () => failure(400, 'bad_request', 'the request cannot be understood'),
  });
  return (request, response) => {
    // A failed write means that the client has gone; that is no error of opsd.
    response.on('error', () => response.destroy());
    return listen(request, response);
  };
}
