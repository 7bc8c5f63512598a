// The services that the patterns of a request select, or the error for too many patterns or unknown services.

import { type Selectable, select, unknownService, whyTooMuch } from '../../api/select.ts';
import type { ServiceView } from '../../api/services.ts';
import { groupOfInstance } from '../../text/instance-name.ts';
import { failure } from './answers.ts';

/** The names of the selected services, in the order of the configuration. */
export function namesMeant(services: readonly Selectable[], patterns: readonly string[]): readonly string[] | Response {
  const tooMuch = whyTooMuch(patterns);
  if (tooMuch !== null) return failure(400, 'bad_request', tooMuch);
  const { names, unknown } = select(services, patterns);
  return unknown.length === 0 ? names : failure(404, 'unknown_service', unknown.join('\n'));
}

/** The service of this name, or all instances of the group of this name, or the error. */
export function findServices(services: readonly ServiceView[], name: string): readonly ServiceView[] | Response {
  const exact = services.find((service) => service.name === name);
  const found = exact === undefined ? services.filter((service) => groupOfInstance(service.name) === name) : [exact];
  return found.length > 0 ? found : unknown(services, name);
}

/** Whether `name` is the name of a single service, not of a group. */
export function isOne(found: readonly ServiceView[], name: string): boolean {
  return found.length === 1 && found[0]?.name === name;
}

/** For routes that answer for a single service only. */
export function findService(services: readonly ServiceView[], name: string): ServiceView | Response {
  const found = findServices(services, name);
  if (found instanceof Response) return found;
  const [first] = found;
  if (first !== undefined && isOne(found, name)) return first;
  const all =
    found.length === 1
      ? `one instance, ${first?.name}`
      : `instances; take one, ${first?.name} to ${found.at(-1)?.name}`;
  return failure(400, 'several_services', `${name} has ${all}`);
}

export function unknown(services: readonly ServiceView[], name: string): Response {
  return failure(
    404,
    'unknown_service',
    unknownService(
      name,
      services.map((service) => service.name),
    ),
  );
}

/** What a command for several services is to do, and for which: `{"action", "services": [names, globs, all]}`. */
export function readAction<A extends string>(
  actions: readonly A[],
  fields: { readonly action?: unknown; readonly services?: unknown },
): { readonly action: A; readonly patterns: readonly string[] } | Response {
  const { services: patterns } = fields;
  const action = actions.find((known) => known === fields.action);
  if (action === undefined) return failure(400, 'bad_request', `action: expected one of ${actions.join(', ')}`);
  if (!Array.isArray(patterns) || !patterns.every((pattern) => typeof pattern === 'string')) {
    return failure(400, 'bad_request', 'services: expected a list of names, globs, or all');
  }
  return { action, patterns };
}
