// An opsd with a thousand services whose turns of the loop are measured from inside.

import { connect } from 'node:net';
import { join } from 'node:path';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import type { LongestTurn } from './turn-meter.ts';

const METER = join(import.meta.dirname, 'turn-meter.ts');
/** In the working directory of opsd. */
const METER_SOCKET = 'turns.sock';
const COUNT = 1_000;

export interface Thousand extends Opsd {
  /** What others waited for at most while `work` went on. */
  longestTurn(work: () => Promise<unknown>): Promise<LongestTurn>;
}

export interface ThousandOptions {
  /** Lines of [daemon]. */
  readonly daemon?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly http?: 'on' | 'configured';
}

/** Most of them are not enabled: a service that does not run costs its readers as much. A few crash all the time. */
export async function startThousand(options: ThousandOptions = {}): Promise<Thousand> {
  const names = Array.from({ length: COUNT }, (_, n) => `service-${String(n).padStart(4, '0')}`);
  const opsd = await startOpsd({
    http: options.http ?? 'on',
    files: options.files ?? {},
    env: { NODE_OPTIONS: `--import=${METER}`, OPSD_TEST_TURNS: METER_SOCKET },
    config: `
[daemon]
${options.daemon ?? ''}
[defaults]
tags = ["edge"]
env = { PORT = "8080" }
[services.crashes]
command = ["false"]
max_failures = 1000000
backoff = { initial = "20ms", max = "20ms" }
[services.crashes-too]
command = ["false"]
max_failures = 1000000
backoff = { initial = "20ms", max = "20ms" }
${names.map((name) => `[services.${name}]\nenabled = false\ncommand = ["sleep", "600"]\n`).join('')}`,
  });
  const place = join(opsd.dir, METER_SOCKET);
  return {
    ...opsd,
    get daemon() {
      return opsd.daemon;
    },
    async longestTurn(work) {
      await askMeter(place);
      await work();
      return askMeter(place);
    },
    [Symbol.asyncDispose]: () => opsd[Symbol.asyncDispose](),
  };
}

function askMeter(place: string): Promise<LongestTurn> {
  return new Promise((resolve, reject) => {
    let text = '';
    connect(place)
      .setEncoding('utf8')
      .on('data', (chunk) => {
        text += chunk;
      })
      .on('error', reject)
      .on('end', () => resolve(JSON.parse(text)));
  });
}
