// prom-client as opsd uses it: figures that are there already become text, with next to nothing kept or copied.

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { MetricsView } from '../../api/metrics.ts';

type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

type Samples = (view: MetricsView) => readonly Sample[];

/** One metric with its help, and where its samples come from. */
export interface Family {
  text(view: MetricsView): Promise<string>;
}

interface Filled {
  readonly name: string;
  samples: readonly Sample[];
}

const registry = new Registry();
const NONE: Labels = {};
/** Samples that become text in one go; others get their turn in between. */
const MOST_AT_ONCE = 1_000;

/**
 * prom-client keeps the text of shared labels for as long as their object lives, and would otherwise make it anew for each
 * sample of each scrape, with an object of its own (half of what a scrape of 1,000 services took).
 */
function valuesOf(samples: readonly Sample[]) {
  return samples.map(({ labels, value }) => ({ value, labels: NONE, sharedLabels: labels }));
}

class FilledGauge extends Gauge<string> implements Filled {
  readonly name: string;
  samples: readonly Sample[] = [];

  constructor(name: string, help: string, labelNames: string[]) {
    super({ name, help, labelNames, registers: [registry] });
    this.name = name;
  }

  override async get() {
    return { ...(await super.get()), values: valuesOf(this.samples) };
  }
}

class FilledCounter extends Counter<string> implements Filled {
  readonly name: string;
  samples: readonly Sample[] = [];

  constructor(name: string, help: string, labelNames: string[]) {
    super({ name, help, labelNames, registers: [registry] });
    this.name = name;
  }

  override async get() {
    return { ...(await super.get()), values: valuesOf(this.samples) };
  }
}

export function gauge(name: string, help: string, labelNames: string[], samples: Samples): Family {
  return familyOf(new FilledGauge(name, help, labelNames), samples);
}

export function counter(name: string, help: string, labelNames: string[], samples: Samples): Family {
  return familyOf(new FilledCounter(name, help, labelNames), samples);
}

function familyOf(metric: Filled, samples: Samples): Family {
  return {
    async text(view) {
      const all = samples(view);
      const parts: string[] = [];
      for (let from = 0; from === 0 || from < all.length; from += MOST_AT_ONCE) {
        metric.samples = all.slice(from, from + MOST_AT_ONCE);
        const text = await registry.getSingleMetricAsString(metric.name);
        parts.push(from === 0 ? text : withoutHead(text));
        metric.samples = [];
        await new Promise((othersTurn) => setImmediate(othersTurn));
      }
      return parts.join('\n');
    },
  };
}

/** Without the two lines of help and type. */
function withoutHead(text: string): string {
  return text.slice(text.indexOf('\n', text.indexOf('\n') + 1) + 1);
}

const books = {
  service: new Map<string, Labels>(),
  state: new Map<string, Map<string, Labels>>(),
  reason: new Map<string, Map<string, Labels>>(),
};

/** The labels of a service: the same object each time. */
export function labelsOf(service: string): Labels {
  const known = books.service.get(service);
  if (known !== undefined) return known;
  const labels = { service };
  books.service.set(service, labels);
  return labels;
}

/** With a second label, of few values. */
export function labelsWith(service: string, key: 'state' | 'reason', value: string): Labels {
  const ofService = books[key].get(service) ?? new Map<string, Labels>();
  books[key].set(service, ofService);
  const labels = ofService.get(value) ?? { service, [key]: value };
  ofService.set(value, labels);
  return labels;
}

/** Forgets the labels of services that are gone. */
export function keepLabels({ services }: MetricsView): void {
  const names = new Set(services.map(({ name }) => name));
  for (const book of Object.values(books)) for (const name of book.keys()) if (!names.has(name)) book.delete(name);
}

/** Of prom-client's own: these wake the process all the time, say a thing twice, or bear a name that promtool rejects. */
const UNWANTED = /^nodejs_eventloop_lag|^nodejs_active_\w+_total$/;

const processMetrics = new Registry();
// The precision, in ms, is how often its histogram of the loop's lag, which is not shown, wakes the process.
collectDefaultMetrics({ register: processMetrics, eventLoopMonitoringPrecision: 1_000_000 });
for (const { name } of processMetrics.getMetricsAsArray()) {
  if (UNWANTED.test(name)) processMetrics.removeSingleMetric(name);
}

/** Of opsd as a process. */
export function processText(): Promise<string> {
  return processMetrics.metrics();
}
