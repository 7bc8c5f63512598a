// What works and is still no way to run in production: the warnings of `opsd check --deploy`.

import type { ServiceSpec } from '../../core/model/spec.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings } from '../report/problems.ts';
import type { Facts } from './host-facts.ts';

export function checkDeployment(
  services: Iterable<ServiceSpec>,
  locate: (spec: ServiceSpec) => Locate,
  facts: Facts,
  findings: Findings,
): void {
  for (const spec of services) {
    if (facts.powers().isRoot) warnOfRoot(spec, locate(spec), findings);
  }
}

/** Whoever gets hold of such a service has the host. */
function warnOfRoot({ launch }: ServiceSpec, locate: Locate, findings: Findings): void {
  if (launch.user !== null && launch.user !== 'root' && launch.user !== '0') return;
  const message =
    'it runs as root, and whoever takes it over has the host; give it a user of its own (adduser --system)';
  findings.warning(locate(['user']), message);
}
