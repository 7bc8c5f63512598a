// What the next opsd makes of each service that an earlier one left: saved state, survivor, desired state and
// configuration, each with each. The book of it is takeovers.txt.

import { adopt, type Survivor } from '../../src/core/adoption/adopt.ts';
import type { SavedService } from '../../src/core/adoption/saved-service.ts';
import { UNASKED } from '../../src/core/life/health.ts';
import type { Config } from '../../src/core/model/config.ts';
import { newService } from '../../src/core/model/initial.ts';
import type { Policy } from '../../src/core/model/spec.ts';
import type { Run, Service, State } from '../../src/core/model/state.ts';
import { step } from '../../src/core/supervisor.ts';
import { aConfig, aService, fingerprintOf, readyOn } from '../simulation/specs.ts';
import type { Entry } from '../support/book.ts';
import { savedWeb } from './saved-web.ts';
import { flat, tell } from './tell.ts';

const NOW = 1_000_000;

const saved = savedWeb(NOW, 6_000);

const LEFT: Readonly<Record<string, Survivor | null>> = {
  'nothing lives': null,
  'its main process lives': { service: 'web', generation: 7, pid: 42, startedAt: NOW - 6_000 },
  'leftovers live': { service: 'web', generation: 7, pid: null, startedAt: NOW - 6_000 },
  'a later generation lives': { service: 'web', generation: 8, pid: 43, startedAt: NOW - 1_000 },
  'its before_start lives': { service: 'web', generation: 7, step: 'before_start', pid: 44, startedAt: NOW - 100 },
  'its after_stop lives': { service: 'web', generation: 7, step: 'after_stop', pid: 45, startedAt: NOW - 100 },
};

const schedule = { cron: '@daily', timezone: null, overlap: 'skip', randomDelay: 0, catchUp: false } as const;
const service = (policy: Partial<Policy>, version = 1) => aConfig([aService('web', policy, version)]);
const backoff = { initial: 100, factor: 2, max: 1600, jitter: 0.5 };
const CONFIGURED: Readonly<Record<string, Config>> = {
  'as before': service({ backoff }),
  'with readiness': service({
    backoff,
    ready: readyOn('heartbeat', 20_000),
    heartbeat: { timeout: 9_000, grace: 8_000 },
  }),
  'another command': service({ backoff }, 2),
  disabled: service({ backoff, enabled: false }),
  'on a schedule': service({ backoff, restart: 'never', schedule }),
  'not there any more': aConfig([]),
};

const WISHES = [null, 'up', 'down'] as const;
const STATES = [
  'running',
  'starting',
  'stopping',
  'killing',
  'backoff',
  'failed',
  'exited',
  'stopped',
  'waiting',
] as const;

export function takeovers(): readonly Entry[] {
  return Object.entries(CONFIGURED).flatMap(([what, config]) =>
    Object.entries(LEFT).map(([who, survivor]) => {
      const tell = () => {
        const cases = [...WISHES.flatMap((wish) => STATES.map((state) => ({ wish, state }))), null];
        const outcomes = Map.groupBy(cases, (was) => outcome(config, survivor, was));
        return [...outcomes].map(([told, those]) => `  ${those.map(nameOf).join(', ')}\n${told}`).join('\n');
      };
      return { title: `${what}, ${who}`, tell };
    }),
  );
}

interface Was {
  readonly wish: SavedService['wish'];
  readonly state: SavedService['state'];
}

function nameOf(was: Was | null): string {
  if (was === null) return 'nothing is saved';
  return was.wish === null ? was.state : `${was.state} and to be ${was.wish}`;
}

function outcome(config: Config, survivor: Survivor | null, was: Was | null): string {
  const left = {
    saved: was === null ? [] : [{ ...saved, ...was, deadline: was.state === 'failed' ? NOW + 9_000 : null }],
    survivors: survivor === null ? [] : [survivor],
  };
  const { state, effects, strays } = adopt(config, left, fingerprintOf, 1, NOW);
  const [then, more] = step(state, { type: 'configured', config, isFirst: true }, NOW);
  const lines = [
    ...effects.flatMap(tell),
    ...look(state, was?.wish ?? null),
    ...strays.map(({ generation }) => `stray: ${generation}`),
    ...more.flatMap(tell).map((line) => `configured: ${line}`),
    `then: ${then.services.map((one) => one.state.name).join() || 'gone'}`,
  ];
  return lines.map((line) => `    ${line}`).join('\n');
}

/** What of the service is not as it was saved. */
function look({ services, queue, generationFloor }: State, desired: Service['desired']): readonly string[] {
  const usual = new Map(flat({ ...asSaved, desired }, '', NOW));
  const lines = services.map((service) =>
    flat(service, '', NOW)
      .filter(([path, value]) => usual.get(path) !== value && !/\b(lastReason|lastDetail|detail)$/.test(path))
      .map(([path, value]) => `${path} ${value}`)
      .join(', '),
  );
  const rest = [
    ...queue.map((name) => `${name} is queued`),
    ...(generationFloor === 0 ? [] : [`floor ${generationFloor}`]),
  ];
  return [...lines.map((line) => (line === '' ? 'as saved' : line)), ...rest];
}

const run: Run = {
  ...{ generation: 7, step: 'main', hookEndsAt: null, pid: 42, startedAt: NOW - 6_000, overslept: 0 },
  ...{ readyAt: NOW - 5_000, isAdopted: true, beat: { at: null, lostAt: null, lookAt: null }, check: UNASKED },
};
const asSaved = {
  ...newService(aService('web'), 7, NOW),
  ...{ restarts: 5, failuresInARow: 2, attemptsInARow: 3, pausesInARow: 1, recentFailures: saved.recentFailures },
  ...{ lastExit: saved.lastExit, state: { name: 'stopped', deadline: null, run } },
};
