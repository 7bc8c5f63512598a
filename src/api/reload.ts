// The answers to a reload and to another number of instances.

import type { Change, DaemonChange } from '../core/model/changes.ts';
import type { Problem } from '../errors.ts';
import type { GroupView } from './services.ts';

export type ReloadResult =
  | { readonly ok: true; readonly changes: readonly Change[]; readonly daemon: readonly DaemonChange[] }
  | {
      readonly ok: false;
      readonly code: 'bad_configuration' | 'shutting_down';
      readonly message: string;
      readonly problems: readonly Problem[];
    };

/** What became of `opsd ctl scale`. `code`: of an HTTP error. */
export type ScaleResult =
  | {
      readonly ok: true;
      readonly group: GroupView;
      /** How many there were to be. */
      readonly before: number;
      /** Names of instances. */
      readonly added: readonly string[];
      readonly removed: readonly string[];
    }
  | {
      readonly ok: false;
      readonly code:
        | 'unknown_service'
        | 'bad_request'
        | 'bad_configuration'
        | 'not_as_configured'
        | 'not_saved'
        | 'shutting_down';
      readonly message: string;
      /** Of the configuration with that number of instances. */
      readonly problems?: readonly Problem[];
    };
