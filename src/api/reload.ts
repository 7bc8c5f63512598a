// The results of `ctl reload` and `ctl scale`.

import type { Change, DaemonChange } from '../core/model/changes.ts';
import type { Problem } from '../errors.ts';
import type { GroupView } from './services.ts';

export type ReloadResult =
  | {
      readonly ok: true;
      readonly changes: readonly Change[];
      readonly daemon: readonly DaemonChange[];
      /** What this host lacks: the services that need it fail, or run on as they were. */
      readonly hostProblems: readonly Problem[];
    }
  | {
      readonly ok: false;
      readonly code: 'bad_configuration' | 'shutting_down';
      readonly message: string;
      readonly problems: readonly Problem[];
    };

/** The answer to `opsd ctl handover`, before opsd ends. */
export type HandoverResult =
  /** `unit`: the unit as which systemd starts the next opsd; null: it is not known who does. */
  { readonly ok: true; readonly unit: string | null } | Extract<ReloadResult, { readonly ok: false }>;

/** The result of `opsd ctl scale`. `code`: as in the API's errors. */
export type ScaleResult =
  | {
      readonly ok: true;
      readonly group: GroupView;
      /** The number of instances that was in force before. */
      readonly before: number;
      /** Names of the instances that are added. */
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
      /** Problems that the configuration would have with that number of instances. */
      readonly problems?: readonly Problem[];
    };
