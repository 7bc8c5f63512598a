// prom-client as opsd uses it: samples that already exist become text, with few copies.

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { MetricsView } from '../../api/metrics.ts';

type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

type Samples = (view: MetricsView) => readonly Sample[];

/** One metric: its name, help and type, and the function that gives its samples. */
export interface Family {
  text(view: MetricsView): Promise<string>;
}

interface FilledMetric {
  readonly name: string;
  samples: readonly Sample[];
}

const registry = new Registry();
const NONE: Labels = {};
/** Samples made into text in one turn of the loop; supervision runs between two turns. */
const MOST_AT_ONCE = 1_000;

/**
 * prom-client caches the text of `sharedLabels` by object. With plain labels it makes that text again for each sample of
 * each scrape, which took half of the time of a scrape of 1,000 services.
 */
function valuesOf(samples: readonly Sample[]) {
  return samples.map(({ labels, value }) => ({ value, labels: NONE, sharedLabels: labels }));
}

class FilledGauge extends Gauge<string> implements FilledMetric {
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

class FilledCounter extends Counter<string> implements FilledMetric {
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

function familyOf(metric: FilledMetric, samples: Samples): Family {
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

/** The labels of a service with a second label that has few values: the same object each time. */
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

/** Default metrics of prom-client that wake the process often, repeat another one, or have a name promtool rejects. */
const UNWANTED = /^nodejs_eventloop_lag|^nodejs_active_\w+_total$/;

const processMetrics = new Registry();
// The histogram of the loop's lag is removed below; this precision (in ms) keeps its timer from waking the process often.
collectDefaultMetrics({ register: processMetrics, eventLoopMonitoringPrecision: 1_000_000 });
for (const { name } of processMetrics.getMetricsAsArray()) {
  if (UNWANTED.test(name)) processMetrics.removeSingleMetric(name);
}

/** The metrics of opsd's own process. */
export function processText(): Promise<string> {
  return processMetrics.metrics();
}
