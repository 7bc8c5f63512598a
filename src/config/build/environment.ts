// The environment of a service: env_file, pass_env and env put together.

import type { Locate } from '../report/locate.ts';
import type { Findings, Place } from '../report/problems.ts';
import { REDACTED } from '../report/redaction.ts';
import type { ServiceValues } from '../schema/schema.ts';
import { parseEnvFile } from '../source/env-file.ts';
import type { Table } from '../source/tree.ts';
import { LONGEST_WORD } from '../values/command.ts';
import type { BuildContext } from './context.ts';
import { type Source, sourceOf } from './effective.ts';

/** Variables that opsd itself sets for every service. */
const RESERVED_VARIABLES = new Set(['OPSD_SERVICE', 'OPSD_HEARTBEAT_FILE', 'OPSD_NOTIFY_FD', 'OPSD_MARKER']);

/** `isSecret`: by its layer; whether the name says so is decided elsewhere. */
interface Variable extends Source {
  readonly value: string;
}

/** The variables of a service by name: env_file, then pass_env, then env; the later wins. */
export function gatherVariables(
  values: ServiceValues,
  envFile: string | null,
  table: Table,
  locate: Locate,
  context: BuildContext,
): ReadonlyMap<string, Variable> {
  const variables = new Map<string, Variable>();
  if (envFile !== null) readEnvFile(envFile, values, envFilePlace(locate), context, variables);
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
    context.findings.problem(locate(['env', name]), `${name} is longer than 128 KiB; put it into a file`);
  }
  return variables;
}

/** The place of env_file; its path shows cwd too, so that a secret cwd makes it secret. */
function envFilePlace(locate: Locate): Place {
  const place = locate(['env_file']);
  return { ...place, isSecret: place.isSecret || locate(['cwd']).isSecret };
}

function readEnvFile(
  path: string,
  { user, group }: Pick<ServiceValues, 'user' | 'group'>,
  place: Place,
  context: BuildContext,
  variables: Map<string, Variable>,
): void {
  const shownPath = place.isSecret ? REDACTED : path;
  const file = context.facts.readText(path, user ?? null, group ?? null);
  if (!file.ok) {
    context.findings.problem(place, `${shownPath} cannot be read: ${file.why}`);
    return;
  }
  const { variables: found, mistakes, doubts } = parseEnvFile(file.text);
  const inFile = (line: number): Place => ({ where: shownPath, line, key: place.key, isSecret: true });
  for (const { line, message } of mistakes) context.findings.problem(inFile(line), message);
  for (const { line, message } of doubts) context.findings.warning(inFile(line), message);
  for (const { name, value, line } of found) {
    checkName(name, () => inFile(line), context.findings);
    if (`${name}${value}`.includes('\0'))
      context.findings.problem(inFile(line), `${name} has a NUL byte in it; remove it`);
    variables.set(name, { value, source: `${shownPath}:${line}`, isSecret: place.isSecret });
  }
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
  if (RESERVED_VARIABLES.has(name)) findings.problem(locate(), `${name} is set by opsd itself; use another name`);
  // A NUL byte in a name is reported by the readers of files.
  if (name === '' || name.includes('=')) {
    findings.problem(locate(), 'expected the name of a variable: not empty, without = in it');
  }
}
