// The lines that tell of refused configuration files, and of the problems in them.

import type { RefusedFilesView } from '../../api/services.ts';
import { sanitised } from '../../text/harmless.ts';

export function describeRefused({ at, problems, count }: RefusedFilesView): readonly string[] {
  const what = count === 1 ? '1 problem' : `${count} problems`;
  const more = count > problems.length ? [`  and ${count - problems.length} more`] : [];
  return [
    `the configuration files were refused at ${at} (${what}), the one before stays in force; opsd check, then opsd ctl reload`,
    ...problems.map((problem) => `  ${sanitised(problem)}`),
    ...more,
  ];
}
