// Checks commands with the rights of the user of each service, who may be able to execute less than root.

import type { Launch, ServiceSpec } from '../../core/model/spec.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings } from '../report/problems.ts';
import { commandsOf } from './checks.ts';
import type { Facts, UserQuestion } from './host-facts.ts';

/** One command of a service to check, and its key. */
interface UserCheck {
  readonly question: UserQuestion;
  readonly spec: ServiceSpec;
  readonly key: readonly string[];
}

/** Checks the commands of all services of one user at once. */
export function checkUserRights(
  services: Iterable<ServiceSpec>,
  locate: (spec: ServiceSpec) => Locate,
  facts: Facts,
  findings: Findings,
): void {
  const byUser = new Map<string, { readonly launch: Launch; readonly doubts: UserCheck[] }>();
  for (const spec of services) {
    const { launch } = spec;
    if (!runsAsOtherUser(launch, facts)) continue;
    const user = JSON.stringify([launch.user, launch.group, launch.capabilities]);
    const asked = byUser.get(user) ?? { launch, doubts: [] };
    byUser.set(user, asked);
    asked.doubts.push(...userChecksOf(spec, facts));
  }
  for (const { launch, doubts } of byUser.values()) {
    // Instances have the same questions: ask each once.
    const questions = new Map(doubts.map(({ question }) => [JSON.stringify(question), question]));
    const answers = facts.whyUserMayNot(launch, [...questions.values()]);
    const answerTo = new Map([...questions.keys()].map((question, index) => [question, answers[index] ?? null]));
    for (const { question, spec, key } of doubts) {
      const answer = answerTo.get(JSON.stringify(question)) ?? null;
      if (answer === null) continue;
      const place = locate(spec)(answer.isOfFolder ? ['cwd'] : key);
      if (spec.policy.enabled) findings.host(place, answer.why, spec.name);
      else findings.warning(place, answer.why);
    }
  }
}

function runsAsOtherUser({ user, group }: Launch, facts: Facts): boolean {
  if (user === null) return group !== null && facts.hasGroup(group);
  return facts.hasUser(user) && !facts.isSelf(user);
}

/** The commands of a service that opsd itself can execute; the others were reported before. */
function userChecksOf(spec: ServiceSpec, facts: Facts): UserCheck[] {
  const { cwd, env, wrapper } = spec.launch;
  if (facts.look(cwd) !== 'directory') return [];
  const searchPath = env.PATH ?? null;
  return commandsOf(spec)
    .filter(([key]) => wrapper.length === 0 || key[0] !== 'command')
    .filter(([, [program]]) => facts.whyNotExecutable(program, cwd, searchPath) === null)
    .map(([key, [program]]) => ({ question: { cwd, program, searchPath }, spec, key }));
}
