// Every key of [daemon], one row each.

import type { DaemonSpec } from '../../core/model/config.ts';
import type { InForce } from '../../core/model/spec.ts';
import { formatMode } from '../../text/units.ts';
import { formatAddress } from '../values/endpoint.ts';
import { readHttpToken } from '../values/http-token.ts';
import { parseListenAddress } from '../values/listen-address.ts';
import { COMPONENTS, parseLogLevel } from '../values/log-level.ts';
import { describeHook, ON_EVENT_JSON, ON_EVENT_SECRETS_JSON, readHookSecrets, readHooks } from '../values/on-event.ts';
import {
  account,
  choice,
  flag,
  integer,
  mode,
  optional,
  path,
  pathOrNone,
  preset,
  reading,
  span,
  table,
  type ValuesOf,
} from './forms.ts';
import { type Draft, type Form, formsOf, type How, leaf, nothing, orNull, same, section, unshown } from './rows.ts';
import { asDuration } from './service-tables.ts';

/** A key that alone decides a field. `spec` makes the field from the value. */
function daemon<F extends keyof DaemonSpec, S extends Form>(
  field: F,
  inForce: InForce,
  spec: (value: ValuesOf<S>) => DaemonSpec[F],
  description: string,
  form: S,
  how: How<DaemonSpec[F]> = {},
) {
  const put = (draft: Draft<DaemonSpec>, value: ValuesOf<S>) => {
    draft[field] = spec(value);
  };
  return { ...ofDaemon(field, inForce, description, form, how), put, puts: field };
}

/** A key that decides a field together with others, or with the environment of opsd. */
function ofDaemon<F extends keyof DaemonSpec, S extends Form>(
  field: F,
  inForce: InForce,
  description: string,
  form: S,
  how: How<DaemonSpec[F]> = {},
) {
  const row = leaf(inForce, description, form, (spec: DaemonSpec) => spec[field], how);
  return { ...row, field, put: nothing, puts: null };
}

/**
 * Paths relative to the working directory of opsd. A running listener can take another certificate, but cannot begin
 * or cease to encrypt.
 */
const TLS = {
  cert: ofDaemon('tls', 'at_once_if_replaced', 'Certificate and those that signed it, in PEM.', path(), {
    show: (tls) => tls?.cert ?? null,
  }),
  key: ofDaemon('tls', 'at_once_if_replaced', 'Its key, in PEM: for root or opsd alone, mode 600.', path(), {
    show: (tls) => tls?.key ?? null,
  }),
  client_ca: ofDaemon(
    'tls',
    'at_once_if_replaced',
    'Certificates in PEM: clients whose own is signed by one of them are let in.',
    optional(path()),
    { show: (tls) => tls?.clientCa ?? null },
  ),
};

export const DAEMON = {
  http: daemon(
    'http',
    'anew',
    same,
    'Address for the read-only HTTP server; "" turns it off.',
    preset(reading({ type: 'string' }, parseListenAddress), '127.0.0.1:9640'),
    { show: (http) => (http === null ? '' : formatAddress(http)), alone: 'target' },
  ),
  tls: section(
    'The certificate for it: HTTPS instead of HTTP. The files are read again when they change.',
    TLS,
    optional(table(formsOf(TLS))),
  ),
  http_token: daemon(
    'httpToken',
    'at_once',
    orNull,
    'In env.toml only. Who asks over TCP has to send it (Authorization: Bearer …, or as the password of Basic), or a certificate.',
    optional(reading({ type: 'string', minLength: 16 }, readHttpToken)),
  ),
  log_level: ofDaemon(
    'logLevel',
    'at_once',
    `Level, or a filter such as "info,heartbeat=debug" (${COMPONENTS.join(', ')}). OPSD_LOG in the environment wins.`,
    preset(reading({ type: 'string' }, parseLogLevel), 'info'),
    { show: ({ text }) => text },
  ),
  log_dir: ofDaemon(
    'logDir',
    'anew',
    "Folder of the services' logs, relative to the working directory of opsd.",
    preset(path(), './log'),
  ),
  log_format: daemon(
    'logFormat',
    'anew',
    same,
    'text, or json: the same fields, one object a line.',
    preset(choice(['text', 'json']), 'text'),
  ),
  heartbeat_file: ofDaemon(
    'heartbeatFile',
    'anew',
    'The file that opsd itself touches each second, relative to its working directory; "" for none. Where it cannot be written, opsd goes on without.',
    preset(pathOrNone(), './tmp/opsd.heartbeat'),
    { show: (file) => file ?? '' },
  ),
  watch_config: daemon(
    'watchConfig',
    'at_once',
    same,
    'Reload by itself when a configuration file changes.',
    preset(flag(), false),
  ),
  start_concurrency: daemon(
    'startConcurrency',
    'at_once',
    same,
    'Services being started at the same time.',
    preset(integer(1, 1000), 8),
  ),
  shutdown_timeout: daemon(
    'shutdownTimeout',
    'at_once',
    same,
    'The whole shutdown may take that long; then SIGKILL.',
    preset(span(), '30s'),
    { show: asDuration },
  ),
  socket_mode: daemon('socketMode', 'anew', same, 'Permission bits of the control socket.', preset(mode(), '0600'), {
    show: formatMode,
  }),
  socket_group: daemon('socketGroup', 'anew', orNull, 'Group of the control socket.', optional(account())),
  exit_when: daemon(
    'exitWhen',
    'at_once',
    same,
    'all-exited: opsd ends when no service is up or is to be.',
    preset(choice(['never', 'all-exited']), 'never'),
  ),
  page_logs: daemon('pageLogs', 'at_once', same, 'Show the tail of logs on the status page.', preset(flag(), false)),
  on_event: ofDaemon(
    'onEvent',
    'at_once',
    'Programs and webhooks that are told of changes of state: [[daemon.on_event]].',
    preset(reading(ON_EVENT_JSON, readHooks), []),
    { show: (hooks) => (hooks.length === 0 ? null : hooks.map(describeHook)) },
  ),
  on_event_secrets: ofDaemon(
    'onEvent',
    'at_once',
    'What env.toml adds to the hook of a name: webhook, headers.',
    preset(reading(ON_EVENT_SECRETS_JSON, readHookSecrets), {}),
    { show: unshown },
  ),
};
