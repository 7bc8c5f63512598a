// The environment of a service: env_file, pass_env and env put together.

import type { Gap } from '../../core/model/spec.ts';
import { LONGEST_NAME, shortened } from '../../text/shortened.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings, Place } from '../report/problems.ts';
import { REDACTED } from '../report/redaction.ts';
import type { ServiceValues } from '../schema/schema.ts';
import { parseEnvFile } from '../source/env-file.ts';
import type { Table } from '../source/tree.ts';
import { LONGEST_WORD } from '../values/command.ts';
import type { BuildContext } from './context.ts';
import { sourceOf, type ValueSource } from './effective.ts';

/** Variables that opsd itself sets for every service. */
const RESERVED_VARIABLES = new Set(['OPSD_SERVICE', 'OPSD_HEARTBEAT_FILE', 'OPSD_NOTIFY_FD', 'OPSD_MARKER']);

/** `isSecret`: by its layer; whether the name says so is decided elsewhere. */
interface SourcedVariable extends ValueSource {
  readonly value: string;
}

interface Gathered {
  /** By name: env_file, then pass_env, then env; the later wins. */
  readonly variables: ReadonlyMap<string, SourcedVariable>;
  /** Why those of env_file are not known; null: they are. */
  readonly gap: Gap | null;
}

/** `service`: the name of the spec. */
export function gatherVariables(
  service: string,
  values: ServiceValues,
  envFile: string | null,
  table: Table,
  locate: Locate,
  context: BuildContext,
): Gathered {
  const variables = new Map<string, SourcedVariable>();
  const place = envFilePlace(locate);
  const gap = envFile === null ? null : readEnvFile({ service, path: envFile, place }, values, context, variables);
  for (const name of values.pass_env) {
    // "constructor" and others are properties of every object.
    const value = Object.hasOwn(context.env, name) ? context.env[name] : undefined;
    checkName(name, () => locate(['pass_env']), context.findings);
    if (value !== undefined) variables.set(name, { value, source: 'environment', isSecret: false });
  }
  for (const [name, value] of Object.entries(values.env)) {
    checkName(name, () => locate(['env', name]), context.findings);
    warnOfExpansion(value, locate(['env', name]), context.findings);
    variables.set(name, { value, ...sourceOf(table, ['env', name]) });
  }
  for (const [name, { value }] of variables) {
    if (value.length <= LONGEST_WORD) continue;
    context.findings.problem(locate(['env', name]), tooLong(name));
  }
  return { variables, gap };
}

/** The place of env_file; its path shows cwd too, so that a secret cwd makes it secret. */
function envFilePlace(locate: Locate): Place {
  const place = locate(['env_file']);
  return { ...place, isSecret: place.isSecret || locate(['cwd']).isSecret };
}

interface ServiceEnvFile {
  readonly service: string;
  readonly path: string;
  readonly place: Place;
}

/**
 * The file is not part of the configuration: it belongs to one service and may be written by that service's user, so
 * that a mistake in it keeps this service alone from starting.
 */
function readEnvFile(
  { service, path, place }: ServiceEnvFile,
  { user, group }: Pick<ServiceValues, 'user' | 'group'>,
  context: BuildContext,
  variables: Map<string, SourcedVariable>,
): Gap | null {
  const shownPath = place.isSecret ? REDACTED : path;
  const whys: string[] = [];
  const report = (where: Place, message: string) => {
    whys.push(message);
    context.findings.host(where, message, service);
  };
  const file = context.facts.readText(path, user ?? null, group ?? null);
  if (!file.ok) report(place, `${shownPath} cannot be read: ${file.why}`);
  const { variables: found, mistakes, doubts } = parseEnvFile(file.ok ? file.text : '');
  const inFile = (line: number): Place => ({ where: shownPath, line, key: place.key, isSecret: true });
  for (const { line, message } of mistakes) report(inFile(line), message);
  for (const { line, message } of doubts) context.findings.warning(inFile(line), message);
  for (const { name, value, line } of found) {
    const wrong = whyNotName(name);
    if (wrong !== null) report(inFile(line), wrong);
    if (`${name}${value}`.includes('\0'))
      report(inFile(line), `${shortened(name, LONGEST_NAME)} has a NUL byte in it; remove it`);
    if (Math.max(name.length, value.length) > LONGEST_WORD) report(inFile(line), tooLong(name));
    else variables.set(name, { value, source: `${shownPath}:${line}`, isSecret: place.isSecret });
  }
  const [why] = whys;
  return why === undefined ? null : { path, why: file.ok ? `${shownPath}: ${why}` : why };
}

/** `$HOME`, `${HOME}`, `${PORT:-80}`; `$pa` may well be a part of a password. */
const EXPANSION = /\$(?:\{(?!instance\b)[A-Za-z_]\w*(?:[:?+-][^}]*)?\}|[A-Z_][A-Z0-9_]*(?!\w))/;

function warnOfExpansion(value: string, place: Place, findings: Findings): void {
  const variable = EXPANSION.exec(value)?.[0];
  const found = variable ?? /^~(?=\/|$)/.exec(value)?.[0];
  if (found === undefined) return;
  const what = place.isSecret ? (variable === undefined ? '~' : 'a variable') : found;
  const remedy = 'write the value out, or let a shell put it in (["sh", "-c", "…"])';
  findings.warning(
    place,
    `no shell runs that puts in a value for ${what}: the service gets the text as it is; ${remedy}`,
  );
}

function checkName(name: string, locate: () => Place, findings: Findings): void {
  const wrong = whyNotName(name);
  if (wrong !== null) findings.problem(locate(), wrong);
}

function whyNotName(name: string): string | null {
  if (RESERVED_VARIABLES.has(name)) return `${name} is set by opsd itself; use another name`;
  // A NUL byte in a name is reported by the readers of files.
  const isName = name !== '' && !name.includes('=');
  return isName ? null : 'expected the name of a variable: not empty, without = in it';
}

function tooLong(name: string): string {
  return `${shortened(name, LONGEST_NAME)} is longer than 128 KiB; put it into a file`;
}
