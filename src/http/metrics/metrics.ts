// The answer to GET /metrics: made for each scrape from the figures of the daemon.

import type { HistogramView, MetricsView } from '../../api/metrics.ts';
import { keepLabels, processText } from './exposition.ts';
import { families } from './families.ts';

/** The scrape in progress: the registry can hold the samples of one scrape only. */
let last: Promise<unknown> = Promise.resolve();

/** All metrics in Prometheus' text format, version 0.0.4. */
export function renderMetrics(view: MetricsView): Promise<Buffer<ArrayBuffer>> {
  const rendered = last.then(() => render(view));
  last = rendered.catch(() => undefined);
  return rendered;
}

async function render(view: MetricsView): Promise<Buffer<ArrayBuffer>> {
  const parts: string[] = [];
  for (const family of families) parts.push(await family.text(view));
  keepLabels(view);
  parts.push(
    histogram(
      'opsd_service_ready_seconds',
      'From the start of a service to its readiness, of all services. Near ready.timeout: one day it fails.',
      view.ready_seconds,
    ),
    histogram(
      'opsd_service_stop_seconds',
      'From the stop signal until the last process was gone, of all services. Near stop_timeout: SIGKILL is next.',
      view.stop_seconds,
    ),
    await processText(),
  );
  return Buffer.from(parts.join('\n\n'));
}

/** Written by hand: prom-client's histogram takes single observations, and opsd counts before prom-client is loaded. */
function histogram(name: string, help: string, { bounds, counts, sum, count }: HistogramView): string {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} histogram`,
    ...bounds.map((bound, place) => `${name}_bucket{le="${bound}"} ${counts[place] ?? 0}`),
    `${name}_bucket{le="+Inf"} ${count}`,
    `${name}_sum ${sum}`,
    `${name}_count ${count}`,
  ].join('\n');
}
