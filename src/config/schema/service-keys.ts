// Every key of a service, one row each; a table of keys has its own rows in service-tables.ts.

import { formatMode } from '../../text/units.ts';
import { DEPENDENCY_STATES, readDependencies } from '../values/dependency.ts';
import { parseStopSignal } from '../values/signals.ts';
import { readTags } from '../values/tag.ts';
import { readTimezone } from '../values/timezone.ts';
import {
  account,
  choice,
  command,
  duration,
  exitCodes,
  flag,
  integer,
  mode,
  optional,
  path,
  preset,
  reading,
  STRINGS_JSON,
  span,
  strings,
  table,
  tableOfStrings,
  text,
  usually,
  variableNames,
} from './forms.ts';
import { formsOf, orNull, same, section, unshown, withRows } from './rows.ts';
import { CONFINEMENT } from './service-confinement.ts';
import { launch, ofEnvFile, ofGroup, ofLaunch, ofPolicy, policy } from './service-rows.ts';
import {
  AFTER_STOP,
  asDuration,
  BACKOFF,
  BEFORE_START,
  HEALTH,
  HEARTBEAT,
  LOG,
  READY,
  ROLLOUT,
} from './service-tables.ts';

/** More of one kind are a mistake. */
export const MOST_INSTANCES = 1000;

export const READY_MEANING =
  'What must happen before it counts as running. Default: nothing. "heartbeat" is short for { on = "heartbeat" }.';

/** The umask of a service that sets none. */
const USUAL_UMASK = 0o022;

export const SERVICE = {
  command: launch(
    'command',
    same,
    'What to run. A list is executed as it is. A string is split like a shell would, but no shell runs.',
    command(),
  ),
  type: ofPolicy(
    'restart',
    'simple: runs until it is stopped. oneshot: does one thing, and ends.',
    preset(choice(['simple', 'oneshot']), 'simple'),
    { show: 'as written' },
  ),
  cwd: ofLaunch('cwd', "Working directory. Default: opsd's own. A relative one starts there.", optional(path())),
  user: launch(
    'user',
    orNull,
    'Run as this user, with its groups and HOME, USER, LOGNAME, SHELL.',
    optional(account()),
  ),
  group: launch('group', orNull, "Run with this group instead of the user's own.", optional(account())),
  umask: launch('umask', orNull, 'Permission bits that new files do not get. Default: "022".', optional(mode()), {
    show: (umask) => formatMode(umask ?? USUAL_UMASK),
  }),
  nice: launch('nice', same, 'Niceness: from -20 (served first) to 19 (served last).', preset(integer(-20, 19), 0)),
  oom_score_adj: launch(
    'oomScoreAdj',
    same,
    'From -1000 (never killed for memory) to 1000 (killed first).',
    preset(integer(-1000, 1000), 0),
  ),
  env: ofLaunch(
    'env',
    'Environment. It is clean: PATH, LANG, TZ, what opsd adds, and these.',
    preset(tableOfStrings(), {}),
    { show: unshown },
  ),
  env_file: ofEnvFile('File with NAME=value lines, relative to cwd; `env` wins over it.', optional(path())),
  pass_env: ofLaunch('env', "Variables of opsd's own environment that the service gets.", preset(variableNames(), []), {
    show: 'as written',
  }),
  enabled: policy('enabled', same, 'false: known, but not started at boot.', preset(flag(), true)),
  restart: ofPolicy(
    'restart',
    'Start it again when it ends. Of a oneshot, and of what has a schedule, the default is "never".',
    usually(choice(['always', 'on-failure', 'never']), 'always'),
  ),
  backoff: withRows(
    BACKOFF,
    policy('backoff', same, 'Delays between restarts in a row.', preset(table(formsOf(BACKOFF)), {})),
  ),
  stable_after: policy(
    'stableAfter',
    same,
    'Up for that long: the failures in a row are forgotten. With restart = "always" an end before that is a failure, whatever the exit code.',
    preset(duration(), '10s'),
    { show: asDuration },
  ),
  max_failures: policy(
    'maxFailures',
    same,
    'More failures in a row than that: CRITICAL in the log, state failed.',
    preset(integer(0, 1_000_000), 10),
  ),
  max_failures_in: policy(
    'maxFailuresIn',
    same,
    'More than `max_failures` failures in this span count as too many, too, however long it was up between them. "0s": only failures in a row count.',
    preset(duration(), '10m'),
    { show: asDuration },
  ),
  retry_failed: policy(
    'retryFailed',
    same,
    'A failed service is tried again after pauses that grow from a few seconds to this. "0s": never.',
    preset(duration(), '5m'),
    { show: asDuration },
  ),
  fatal_exit_codes: policy(
    'fatalExitCodes',
    same,
    'Exit codes, and signals such as "SIGSEGV", after which it is never retried.',
    preset(exitCodes(), [78]),
  ),
  success_exit_codes: policy(
    'successExitCodes',
    same,
    'Exit codes, and signals such as "SIGTERM", that are no failure.',
    preset(exitCodes(), [0]),
  ),
  stop_signal: policy(
    'stopSignal',
    same,
    'Signal that asks it to stop.',
    preset(reading({ title: 'signal', type: 'string' }, parseStopSignal), 'SIGTERM'),
  ),
  stop_timeout: policy(
    'stopTimeout',
    same,
    'Not gone after that: SIGKILL to all that is left.',
    preset(span(), '30s'),
    { show: asDuration },
  ),
  heartbeat: section(
    'A file that the service touches as long as it is well. "30s" is short for { timeout = "30s" }.',
    HEARTBEAT,
    optional(table(formsOf(HEARTBEAT))),
  ),
  log: section('Its output. "direct" is short for { mode = "direct" }.', LOG, preset(table(formsOf(LOG)), {})),
  depends_on: ofPolicy(
    'dependsOn',
    'Services that must be ready (or started, or completed) before this one starts; it stops before they do.',
    preset(
      reading(
        {
          title: 'services',
          anyOf: [STRINGS_JSON, { type: 'object', additionalProperties: { enum: DEPENDENCY_STATES } }],
        },
        readDependencies,
      ),
      [],
    ),
    { show: unshown },
  ),
  after: ofPolicy(
    'after',
    'Services that start before this one and stop after it, if they start or stop at all.',
    preset(strings('a list of services'), []),
  ),
  on_dependency_restart: policy(
    'onDependencyRestart',
    same,
    'When something it depends on was restarted: restart it too, or keep it.',
    preset(choice(['restart', 'keep']), 'keep'),
  ),
  ready: section(READY_MEANING, READY, optional(table(formsOf(READY)))),
  health: section('A question asked again and again while it runs.', HEALTH, optional(table(formsOf(HEALTH)))),
  timeout: policy(
    'timeout',
    orNull,
    'A run may take that long; then it is stopped, and has failed.',
    optional(span()),
    { show: asDuration },
  ),
  schedule: ofPolicy(
    'schedule',
    'Started by the clock, not at boot: crontab(5), with seconds where there are six fields, or @daily and the like.',
    optional(text('a schedule such as "0 3 * * *"')),
    { show: (schedule) => schedule?.cron ?? null },
  ),
  timezone: ofPolicy(
    'schedule',
    "Of the schedule: an IANA name. Default: the host's.",
    optional(reading({ type: 'string', examples: ['Europe/Berlin', 'UTC'] }, readTimezone)),
    { show: (schedule) => schedule?.timezone ?? null },
  ),
  overlap: ofPolicy(
    'schedule',
    'When its time comes while it still runs: skip it, queue one run after this one, or kill this one.',
    preset(choice(['skip', 'queue', 'kill']), 'skip'),
    { show: (schedule) => schedule?.overlap ?? null },
  ),
  random_delay: ofPolicy('schedule', 'Start up to that much after its time.', preset(duration(), '0s'), {
    show: (schedule) => asDuration(schedule?.randomDelay),
  }),
  catch_up: ofPolicy(
    'schedule',
    'Run once when a time was missed: no opsd ran, the host slept, or its clock jumped. false: the next time counts.',
    preset(flag(), false),
    { show: (schedule) => schedule?.catchUp ?? null },
  ),
  on_failed: policy(
    'onFailed',
    same,
    'When it has failed for good: keep opsd, or shut it down with the exit code of the service (containers).',
    preset(choice(['keep', 'shutdown']), 'keep'),
  ),
  before_start: withRows(
    BEFORE_START,
    policy(
      'beforeStart',
      orNull,
      'Run before each start, as the same user with the same environment; when it fails, so has the start.',
      optional(table(formsOf(BEFORE_START))),
    ),
  ),
  after_stop: withRows(
    AFTER_STOP,
    policy('afterStop', orNull, 'Run when all of it is gone, however it ended.', optional(table(formsOf(AFTER_STOP)))),
  ),
  tags: policy(
    'tags',
    same,
    'Words to name several services by: `opsd ctl restart +edge`.',
    preset(reading(STRINGS_JSON, readTags), []),
  ),
  instances: ofGroup(
    `That many of it, web@1, web@2 …; in its values \${instance} is the number, and \${8080 + instance} a sum with it.`,
    optional(integer(1, MOST_INSTANCES)),
  ),
  rollout: section(
    'How a change is brought to it, or to its instances, one after the other. Default: of several instances one at a time; without instances at once.',
    ROLLOUT,
    optional(table(formsOf(ROLLOUT))),
  ),
  ...CONFINEMENT,
};
