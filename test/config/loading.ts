// Loads configurations from texts, on a machine on which everything is as it should be.

import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import type { Facts, Privileges } from '../../src/config/check/host-facts.ts';
import type { SourceFile } from '../../src/config/layers/layers.ts';
import { type LoadResult, loadConfig } from '../../src/config/load.ts';
import { parseDocument } from '../../src/config/source/parse.ts';
import { capabilitiesIn } from '../../src/config/values/privileges.ts';
import type { Config } from '../../src/core/model/config.ts';
import type { ServiceSpec } from '../../src/core/model/spec.ts';
import type { Problem } from '../../src/errors.ts';

export interface Texts {
  readonly base?: string;
  readonly includes?: Readonly<Record<string, string>>;
  readonly secret?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly facts?: Partial<Facts>;
  readonly allowEmpty?: boolean;
  readonly prefix?: string;
  /** What could not be opened. */
  readonly unread?: readonly SourceFile['role'][];
  readonly scale?: Readonly<Record<string, number>>;
  readonly isForDeployment?: boolean;
}

const EVERY_CAPABILITY = capabilitiesIn('1ffffffffff');

/** What root has on a host of its own. */
export const ALL_POWERS: Privileges = {
  isRoot: true,
  capabilities: EVERY_CAPABILITY,
  bounding: EVERY_CAPABILITY,
  descriptors: null,
  coreFile: null,
  nice: { own: 0, lowest: -20 },
  oomScoreAdj: { own: 0, lowest: -1000 },
};

/** What everybody else has. */
export const NO_POWERS: Privileges = {
  ...ALL_POWERS,
  isRoot: false,
  capabilities: new Set(),
  nice: { own: 0, lowest: 0 },
  oomScoreAdj: { own: 0, lowest: 0 },
};

/** Every path is a folder, every program can be run, everybody exists. */
export function fineFacts(other: Partial<Facts> = {}): Facts {
  return {
    look: () => 'directory',
    plainPath: (path) => resolve('/', path),
    whyNotExecutable: () => null,
    whyUserMayNot: () => [],
    readText: () => ({ ok: true, text: '' }),
    hasUser: () => true,
    hasGroup: () => true,
    isSelf: () => false,
    doubtOnPrefix: () => null,
    doubtsOnTls: () => [],
    doubtOnFolder: () => null,
    doubtOnHeartbeat: () => null,
    isLinear: () => true,
    whyNotSchedule: () => null,
    capacity: () => ({ memory: null, cpus: null }),
    privileges: () => ALL_POWERS,
    hasCgroups: () => true,
    sockets: () => null,
    ...other,
  };
}

export function load(texts: Texts | string): LoadResult {
  const {
    base = '',
    includes = {},
    secret,
    env = {},
    facts,
    allowEmpty = false,
    prefix = '/srv',
    unread = [],
    scale = {},
    isForDeployment = false,
  } = typeof texts === 'string' ? { base: texts } : texts;
  const files: SourceFile[] = [{ role: 'base', document: parseDocument(base, 'config.toml', false) }];
  for (const [where, text] of Object.entries(includes)) {
    files.push({ role: 'include', document: parseDocument(text, where, false) });
  }
  if (secret !== undefined) files.push({ role: 'secret', document: parseDocument(secret, 'env.toml', true) });
  const sources = {
    files,
    problems: [],
    unread: new Set(unread),
    env,
    workDir: '/work',
    prefix,
    allowEmpty,
    scale: new Map(Object.entries(scale)),
    isForDeployment,
  };
  return loadConfig(sources, fineFacts(facts));
}

export function configOf(texts: Texts | string): Config {
  const result = load(texts);
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.problems, null, 1));
  return result.config;
}

export function serviceOf(texts: Texts | string, name = 'web'): ServiceSpec {
  const service = configOf(texts).services.get(name);
  assert.ok(service, `no service ${name}`);
  return service;
}

/** What `opsd check` exits 1 for: what is wrong in form, then what is wrong with the host. */
export function problemsOf(texts: Texts | string): readonly Problem[] {
  const result = load(texts);
  const ofHost = result.hostProblems.map(({ isFatal, ...problem }) => problem);
  return result.ok ? ofHost : [...result.problems, ...ofHost];
}

/** `config.toml:3 services.web.command is missing…`, one a problem. */
export function linesOf(problems: readonly Problem[]): readonly string[] {
  return problems.map(({ where, line, key, message }) => `${where}:${line ?? '-'} ${key} ${message}`);
}

/** There is exactly one problem, it stands there, and its message has this in it. */
export function assertOnly(problems: readonly Problem[], place: string, message: RegExp): void {
  assert.equal(problems.length, 1, linesOf(problems).join('\n'));
  const [problem] = problems;
  assert.equal(`${problem?.where}:${problem?.line ?? '-'} ${problem?.key}`, place);
  assert.match(problem?.message ?? '', message);
}
