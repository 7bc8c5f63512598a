// Which configuration `opsd check` and `opsd config` read, and the working directory of its daemon.

import { basename, dirname, resolve } from 'node:path';
import { plainPath } from '../os/trust/plain-path.ts';

interface PlaceOptions {
  /** `--config`, `--cwd`; undefined: not given. */
  readonly config: string | undefined;
  readonly cwd: string | undefined;
  /** Folder of the shell, absolute. */
  readonly workDir: string;
  /** Absolute. */
  readonly prefix: string;
  /** The program that runs is the one that `make install` put below PREFIX. */
  readonly isInstalled: boolean;
}

interface ConfigPlace {
  /** As messages show it: the installed one with its whole path. */
  readonly configFile: string;
  /** The daemon's working directory, absolute: its relative paths begin there. */
  readonly workDir: string;
}

const DEFAULT_FILE = 'cfg/config.toml';

/**
 * An installed opsd has its own configuration, whatever the folder of the shell. The daemon of DIR/cfg/config.toml runs
 * in DIR.
 */
export function configPlace({ config, cwd, workDir, prefix, isInstalled }: PlaceOptions): ConfigPlace {
  const home = resolve(prefix, 'opsd');
  if (config === undefined && isInstalled) {
    return { configFile: resolve(home, DEFAULT_FILE), workDir: plainPath(workDir, cwd ?? home) };
  }
  const folder = dirname(plainPath(workDir, config ?? DEFAULT_FILE));
  const above = basename(folder) === 'cfg' ? dirname(folder) : workDir;
  const place = plainPath(workDir, cwd ?? above);
  const configFile = config ?? DEFAULT_FILE;
  return {
    configFile: place === workDir || configFile === '' ? configFile : plainPath(workDir, configFile),
    workDir: place,
  };
}
