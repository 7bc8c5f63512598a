// Checks that no exit code is in both success_exit_codes and fatal_exit_codes.

import type { ServiceSpec } from '../../core/model/spec.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings } from '../report/problems.ts';
import { REDACTED } from '../report/redaction.ts';

const LISTS = [
  ['fatal_exit_codes', 'fatalExitCodes'],
  ['success_exit_codes', 'successExitCodes'],
] as const;

export function checkExitCodes({ policy, effective }: ServiceSpec, locate: Locate, findings: Findings): void {
  const both = [...new Set(policy.fatalExitCodes.filter((code) => policy.successExitCodes.includes(code)))];
  if (both.length === 0) return;
  const isSecret = LISTS.some(([key]) => locate([key]).isSecret);
  const found = `${isSecret ? REDACTED : both.join(', ')} ${both.length > 1 && !isSecret ? 'are' : 'is'}`;
  const usual = LISTS.find(([key]) => effective.get(key)?.source === 'default');
  if (usual === undefined) {
    findings.problem(locate(['fatal_exit_codes']), `${found} in success_exit_codes too; keep it in one list`);
    return;
  }
  // One list is the default, so the problem is reported for the other, which is written.
  const [key, name] = usual;
  const written = key === 'fatal_exit_codes' ? 'success_exit_codes' : 'fatal_exit_codes';
  const rest = policy[name].filter((code) => !both.includes(code));
  const other = isSecret ? `${key} without it` : `${key} = [${rest.join(', ')}]`;
  findings.problem(locate([written]), `${found} in ${key} by default; write ${other} as well, or leave it out here`);
}
