// Warnings of `opsd check --deploy`: what works, but is not safe in production.

import type { DaemonSpec } from '../../core/model/config.ts';
import type { ServiceSpec } from '../../core/model/spec.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings } from '../report/problems.ts';
import { isForThisHost } from '../values/listen-address.ts';
import type { Facts } from './host-facts.ts';

export function checkDeployment(
  services: Iterable<ServiceSpec>,
  locate: (spec: ServiceSpec) => Locate,
  facts: Facts,
  findings: Findings,
): void {
  for (const spec of services) {
    if (facts.privileges().isRoot) warnOfRoot(spec, locate(spec), findings);
  }
}

/** Warns of a TCP listener beyond loopback: its page, metrics and API show all services to others. */
export function checkListener({ http, tls, httpToken }: DaemonSpec, locate: Locate, findings: Findings): void {
  if (isForThisHost(http)) return;
  const place = locate(['http']);
  if (tls === null) {
    const who = 'requests and answers are not encrypted, and others on the network can read them';
    findings.warning(place, `${who}${httpToken === null ? '' : ', the token too'}; set daemon.tls = { cert, key }`);
  }
  if (httpToken === null && (tls?.clientCa ?? null) === null) {
    const remedy = 'set daemon.http_token in env.toml, or client_ca in daemon.tls';
    findings.warning(place, `whoever reaches it sees all services; ${remedy}, or listen on 127.0.0.1`);
  }
}

/** Whoever takes over a service that runs as root has the host. */
function warnOfRoot({ launch }: ServiceSpec, locate: Locate, findings: Findings): void {
  if (launch.user !== null && launch.user !== 'root' && launch.user !== '0') return;
  const message =
    'it runs as root, and whoever takes it over has the host; give it a user of its own (adduser --system)';
  findings.warning(locate(['user']), message);
}
