// Builds the rollout group of a service from the key `rollout`.

import type { RolloutGroup, RolloutPolicy, ServiceSpec } from '../../core/model/spec.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings } from '../report/problems.ts';
import type { ServiceValues } from '../schema/schema.ts';
import { find, type Table } from '../source/tree.ts';

/** A service and the specs of its instances. */
interface ReadGroup {
  /** Values of the first instance. */
  readonly values: ServiceValues;
  readonly members: readonly ServiceSpec[];
  /** The table of the service itself, without [defaults]. */
  readonly own: Table;
  /** The spec of a surge instance with this number; null: its values are invalid. */
  surgeInstance(instance: number): ServiceSpec | null;
}

const DEFAULT_POLICY: RolloutPolicy = { maxUnavailable: 1, maxSurge: 0, onFailure: 'stop' };

/** null: the service is restarted at once by a change, without a rollout. */
export function rolloutOf(rolled: ReadGroup, locate: Locate, findings: Findings): RolloutGroup | null {
  const { values, members, own } = rolled;
  const isWritten = find(own, ['rollout']) !== null;
  if (values.type === 'oneshot' || values.schedule !== undefined) {
    if (isWritten) {
      findings.problem(
        locate(['rollout']),
        'a job is not rolled out: its next run has the new configuration; remove this',
      );
    }
    return null;
  }
  const { rollout } = values;
  if (rollout === undefined && members.length < 2) return null;
  const policy: RolloutPolicy =
    rollout === undefined
      ? DEFAULT_POLICY
      : {
          // A service may have fewer instances than a number in [defaults] allows for.
          maxUnavailable: isWritten ? rollout.max_unavailable : Math.min(rollout.max_unavailable, members.length),
          maxSurge: rollout.max_surge,
          onFailure: rollout.on_failure,
        };
  if (!isPossible(policy, members.length, locate, findings)) return null;
  const surgeSpecs = Array.from({ length: policy.maxSurge }, (_, index) =>
    rolled.surgeInstance(members.length + index + 1),
  );
  const group = {
    members: members.map(({ name }) => name),
    policy,
    surgeSpecs: surgeSpecs.filter((one) => one !== null),
  };
  checkHeartbeats(members, group.surgeSpecs, locate, findings);
  return group;
}

function isPossible({ maxUnavailable, maxSurge }: RolloutPolicy, count: number, locate: Locate, findings: Findings) {
  if (maxUnavailable > count) {
    const there = count === 1 ? 'there is 1 instance' : `there are ${count} instances`;
    const message = `is more than there are to be: ${there}; write ${count} at most`;
    findings.problem(locate(['rollout', 'max_unavailable']), message);
    return false;
  }
  if (maxUnavailable === 0 && maxSurge === 0) {
    const message = 'nothing could ever be replaced: max_surge is 0 too; write 1, or max_surge = 1';
    findings.problem(locate(['rollout', 'max_unavailable']), message);
    return false;
  }
  return true;
}

/** A surge instance must not share the heartbeat file: one that hangs would seem well as long as the other beats. */
function checkHeartbeats(
  [member]: readonly ServiceSpec[],
  [surgeInstance]: readonly ServiceSpec[],
  locate: Locate,
  findings: Findings,
): void {
  if (member === undefined || surgeInstance === undefined || member.policy.heartbeat === null) return;
  if (member.launch.heartbeatFile !== surgeInstance.launch.heartbeatFile) return;
  const message = `${surgeInstance.name}, which stands in for it (rollout.max_surge), would share it; remove this, or max_surge`;
  findings.problem(locate(['heartbeat', 'file']), message);
}
