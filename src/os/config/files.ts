// Finds and reads the configuration files, refuses files that other users could have written or read, and detects
// changes.

import type { BigIntStats, Stats } from 'node:fs';
import { dirname } from 'node:path';
import type { SourceFile } from '../../config/layers/layers.ts';
import { setsKey } from '../../config/layers/variables.ts';
import { type LoadResult, loadConfig } from '../../config/load.ts';
import { type Document, parseDocument } from '../../config/source/parse.ts';
import type { Problem } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { KeptConfig, KeptFile } from '../files/kept-config.ts';
import { readTextFile } from '../files/text-file.ts';
import { doubtAbove, isOpen } from '../trust/folders.ts';
import { lookAt, lookThroughExactly, lookThroughInBackground } from '../trust/foreign-path.ts';
import { plainPath } from '../trust/plain-path.ts';
import { MachineFacts } from './facts.ts';
import { isPattern, matchFiles, matchFilesInBackground } from './file-pattern.ts';

/** Bytes; 1,000 services take a twentieth of it. */
const LARGEST_FILE = 4 * 1024 ** 2;

export interface ConfigOptions {
  readonly clock: Clock;
  /** The path as given, relative to `workDir`; messages show it so. */
  readonly configFile: string;
  /** ${PREFIX}: secrets are in `key/env.toml` below it. */
  readonly prefix: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of opsd's working directory. */
  readonly workDir: string;
  /** Accept a configuration without any content. */
  readonly allowEmpty?: boolean;
  /** Ask what the services' users may do, too: takes some processes, and seconds in the worst case. */
  readonly asksUsers?: boolean;
  readonly isForDeployment?: boolean;
  /** Numbers of instances that replace those of the files. */
  readonly scale?: ReadonlyMap<string, number>;
  /** Why env.toml has to be there; null: it need not. Asked only where it is missing. */
  readonly whySecrets?: () => string | null;
  /** Names of the listening sockets that opsd inherited; absent: opsd does not run. */
  readonly sockets?: readonly string[];
}

export type ReadResult = LoadResult & {
  /** Absolute paths and patterns of all files that were read or would be: what to watch for changes. */
  readonly files: readonly string[];
  /**
   * Loads the same texts with other numbers of instances, whatever the files hold by now. `anew`: files of services
   * that are read again.
   */
  rescaled(scale: ReadonlyMap<string, number>, anew?: ReadonlySet<string>): LoadResult;
  /** All texts that were read, for the next opsd. */
  kept(): KeptConfig;
};

/** Reads and checks the whole configuration. Never throws for errors in the files. */
export function readConfig(options: ConfigOptions): ReadResult {
  const reader = new ConfigReader(options);
  reader.readAll();
  const facts = new MachineFacts(options.clock, options.env.PATH, options.sockets);
  if (options.asksUsers) facts.askUsers();
  const { files, problems, unread } = reader;
  return loaded(options, { files, problems, unread }, facts, {
    watched: reader.watched,
    kept: () => ({
      files: reader.texts,
      texts: [...facts.texts].flatMap(([key, text]) => (text === null ? [] : [[key, text] as const])),
      variables: variablesOf(options.env),
    }),
  });
}

/** Loads what an earlier opsd kept: reads no file but the env_files that were too large for it. The host is asked as ever. */
export function restoreConfig(options: ConfigOptions, kept: KeptConfig): ReadResult {
  const files = kept.files.map(({ role, where, text }) => ({
    role,
    document: parseDocument(text, where, role === 'secret'),
  }));
  const facts = new MachineFacts(options.clock, options.env.PATH, options.sockets, new Map(kept.texts));
  const others = Object.entries(options.env).filter(([name]) => !setsKey(name));
  const env = { ...Object.fromEntries(others), ...kept.variables };
  return loaded({ ...options, env }, { files, problems: [], unread: new Set() }, facts, {
    watched: [],
    kept: () => kept,
  });
}

function loaded(
  options: ConfigOptions,
  read: Pick<ConfigReader, 'files' | 'problems' | 'unread'>,
  facts: MachineFacts,
  { watched, kept }: { readonly watched: readonly string[]; readonly kept: () => KeptConfig },
): ReadResult {
  const sources = {
    ...read,
    env: options.env,
    workDir: options.workDir,
    prefix: plainPath(options.workDir, options.prefix),
    allowEmpty: options.allowEmpty ?? false,
    isForDeployment: options.isForDeployment ?? false,
    scale: options.scale ?? new Map(),
  };
  const result = loadConfig(sources, facts);
  return {
    ...result,
    kept,
    files: [...new Set([...watched, ...facts.textPaths])],
    rescaled: (scale, anew = new Set()) => {
      const texts = facts.textsBut(anew);
      return loadConfig(
        { ...sources, scale },
        new MachineFacts(options.clock, options.env.PATH, options.sockets, texts),
      );
    },
  };
}

function variablesOf(env: ConfigOptions['env']): Record<string, string> {
  const set = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && setsKey(name) ? [[name, value] as const] : [],
  );
  return Object.fromEntries(set);
}

class ConfigReader {
  readonly files: SourceFile[] = [];
  readonly texts: KeptFile[] = [];
  readonly problems: Problem[] = [];
  readonly unread = new Set<SourceFile['role']>();
  readonly watched: string[] = [];
  readonly #options: ConfigOptions;
  readonly #told = new Set<string>();
  readonly #waysSeen = new Set<string>();

  constructor(options: ConfigOptions) {
    this.#options = options;
  }

  readAll(): void {
    const base = this.#readBase();
    if (base?.ok) this.#readIncludes(base);
    this.#read(`${this.#options.prefix}/key/env.toml`, 'secret');
  }

  #readBase(): Document | null {
    const { configFile } = this.#options;
    if (configFile !== '') return this.#read(configFile, 'base');
    // An empty path would name the working directory.
    const message = 'is empty; name a file, or leave it out for cfg/config.toml';
    this.problems.push({ where: '--config', line: null, key: '', message });
    this.unread.add('base');
    return null;
  }

  #readIncludes(base: Document & { readonly ok: true }): void {
    const { configFile, workDir } = this.#options;
    const node = base.table.entries.get('include');
    if (node === undefined) return;
    const patterns: unknown = node.kind === 'leaf' ? node.value : null;
    if (!Array.isArray(patterns) || patterns.some((pattern) => typeof pattern !== 'string' || pattern === '')) {
      const message = 'expected a list of files such as ["services.d/*.toml"]';
      this.problems.push({ where: configFile, line: node.origin.line, key: 'include', message });
      this.unread.add('include');
      return;
    }
    const taken = new Set([plainPath(workDir, configFile)]);
    for (const pattern of patterns) {
      // Included files are shown relative or absolute, as the configuration file was given.
      const written = pattern.startsWith('/') ? pattern : `${dirname(configFile)}/${pattern}`;
      const absolute = plainPath(workDir, written);
      const paths = isPattern(pattern) ? matchFiles(absolute) : [absolute];
      if (isPattern(pattern)) this.watched.push(absolute);
      for (const path of paths) {
        if (taken.has(path)) continue;
        taken.add(path);
        const isAbsolute = pattern.startsWith('/') || configFile.startsWith('/');
        this.#read(isAbsolute ? path : shortened(path, workDir), 'include');
      }
    }
  }

  #read(shown: string, role: SourceFile['role']): Document | null {
    const path = plainPath(this.#options.workDir, shown);
    this.watched.push(path);
    const report = (message: string) => {
      this.problems.push({ where: shown, line: null, key: '', message });
    };
    const file = readTextFile(path, LARGEST_FILE);
    if (!file.ok) {
      const why = role === 'secret' && file.isMissing ? (this.#options.whySecrets?.() ?? null) : file.why;
      if (why === null) return null;
      this.unread.add(role);
      if (!file.isMissing || role === 'secret') report(why);
      else if (role === 'base') report('does not exist; write it, or name another one with --config FILE');
      else report('does not exist; write it, or remove it from include');
      return null;
    }
    if (role === 'secret' && (file.stats.mode & 0o077) !== 0) {
      this.unread.add(role);
      report(`can be read by others than its owner, and secrets are in it; chmod 600 ${path}`);
      return null;
    }
    for (const message of this.#doubts(path, file.stats)) report(message);
    const document = parseDocument(file.text, shown, role === 'secret');
    this.files.push({ role, document });
    this.texts.push({ role, where: shown, text: file.text });
    return document;
  }

  /** Configuration files, and every folder above them, must be writable only by root or opsd. */
  #doubts(path: string, stats: Stats): readonly string[] {
    const found = [doubtOnFile(path, stats), this.#doubtAbove(path)].filter((doubt) => doubt !== null);
    // A folder is reported once, however many files are in it.
    const fresh = found.filter((doubt) => !this.#told.has(doubt));
    for (const doubt of fresh) this.#told.add(doubt);
    return fresh;
  }

  /** Checks each folder once: a thousand files in it share the way, unless they are links. */
  #doubtAbove(path: string): string | null {
    if (lookAt(path)?.isSymbolicLink()) return doubtAbove(path, DANGER);
    const folder = dirname(path);
    if (this.#waysSeen.has(folder)) return null;
    this.#waysSeen.add(folder);
    return doubtAbove(path, DANGER);
  }
}

const DANGER = `and what it says is done as ${process.geteuid?.() === 0 ? 'root' : 'this user'}`;

function doubtOnFile(path: string, stats: Stats): string | null {
  const us = process.geteuid?.() ?? 0;
  if (stats.uid !== 0 && stats.uid !== us) {
    return `${path} belongs to user ${stats.uid}, ${DANGER}; chown ${us === 0 ? 'root' : us} ${path}`;
  }
  if (!isOpen(stats)) return null;
  return `${path} can be written by others than ${us === 0 ? 'root' : 'opsd'}, ${DANGER}; chmod go-w ${path}`;
}

function shortened(path: string, workDir: string): string {
  return path.startsWith(`${workDir}/`) ? path.slice(workDir.length + 1) : path;
}

/** A stamp for each of the `files` of a ReadResult: equal as long as nothing changed. */
export type ConfigSignature = ReadonlyMap<string, string>;

/** One stat(2) for each file, links followed; for a pattern the names that match. */
export function signatureOf(files: readonly string[]): ConfigSignature {
  return new Map(files.map((file) => [file, isPattern(file) ? matchFiles(file).join('\n') : stamp(file)]));
}

/** The same, and no disk keeps the loop waiting. One file after the other: at most one thread hangs. */
export async function signatureInBackground(files: readonly string[]): Promise<ConfigSignature> {
  const found = new Map<string, string>();
  for (const file of files) {
    found.set(
      file,
      isPattern(file)
        ? (await matchFilesInBackground(file)).join('\n')
        : await lookThroughInBackground(file).then(stampOf, () => 'missing'),
    );
  }
  return found;
}

/** The files whose stamps differ, or that are in only one of the two. */
export function changedFiles(before: ConfigSignature, after: ConfigSignature): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((file) => before.get(file) !== after.get(file));
}

function stamp(file: string): string {
  try {
    return stampOf(lookThroughExactly(file));
  } catch {
    return 'missing';
  }
}

function stampOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
