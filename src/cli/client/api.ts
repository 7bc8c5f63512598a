// The requests that several commands need: the status of services, and their rollouts.

import type { RolloutView } from '../../api/rollouts.ts';
import type { StatusView } from '../../api/services.ts';
import type { Client } from './client.ts';

/** The status of the services that names, globs and tags select; of all services for an empty list. */
export async function readStatus(client: Client, services: readonly string[]): Promise<StatusView> {
  return (await client.get(`/api/v1/services${query(services)}`)) as StatusView;
}

export async function readRollouts(client: Client, services: readonly string[]): Promise<readonly RolloutView[]> {
  const answer = await client.get(`/api/v1/rollouts${query(services)}`);
  return (answer as { rollouts: readonly RolloutView[] }).rollouts;
}

function query(services: readonly string[]): string {
  const parts = services.map((service) => `service=${encodeURIComponent(service)}`);
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}
