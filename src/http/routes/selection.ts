// Which services the patterns of a request mean, or the answer to who asks for too many, or for some that there are not.

import { groupOfInstance, type Selectable, select, unknownService, whyTooMuch } from '../../api/select.ts';
import type { ServiceView } from '../../api/services.ts';
import { failure } from './answers.ts';

/** Their names, in the order of the configuration. */
export function namesMeant(services: readonly Selectable[], patterns: readonly string[]): readonly string[] | Response {
  const tooMuch = whyTooMuch(patterns);
  if (tooMuch !== null) return failure(400, 'bad_request', tooMuch);
  const { names, unknown } = select(services, patterns);
  return unknown.length === 0 ? names : failure(404, 'unknown_service', unknown.join('\n'));
}

/** The services of this name, more than one where it has instances, or the answer to who asked for none. */
export function findServices(services: readonly ServiceView[], name: string): readonly ServiceView[] | Response {
  const exact = services.find((service) => service.name === name);
  const found = exact === undefined ? services.filter((service) => groupOfInstance(service.name) === name) : [exact];
  return found.length > 0 ? found : unknown(services, name);
}

/** It was named by its own name. */
export function isOne(found: readonly ServiceView[], name: string): boolean {
  return found.length === 1 && found[0]?.name === name;
}

/** For what can be told of one only. */
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
