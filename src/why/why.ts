// The explanation of a service's state: the cause in a sentence, the evidence, what opsd does next, commands that help.

import type { WhyView } from '../api/why.ts';
import { commands } from './advice.ts';
import { likelyCauseOf } from './early-end.ts';
import { evidence } from './evidence.ts';
import { lastFailure, type WhyFacts } from './facts.ts';
import { nextStep } from './next.ts';
import { summary } from './summary.ts';
import { findingIn } from './symptoms.ts';
import { toolFailure } from './tool-words.ts';

const LINES = 10;

/** `showsOutput`: the answer may quote the service's output; conclusions from the output are shown in any case. */
export function explain(facts: WhyFacts, showsOutput: boolean): WhyView {
  const { service, view, lastLines } = facts;
  const { name, group, launch } = service.spec;
  const failure = lastFailure(facts);
  // Without a failure the last lines of output are normal and explain nothing.
  const finding =
    failure === null || view.state === 'running'
      ? null
      : (toolFailure(group ?? name, launch, failure.exit?.code, lastLines.at(-1)) ?? findingIn(lastLines));
  const likely = likelyCauseOf(facts, failure);
  const { next, at } = nextStep(facts);
  return {
    version: 1,
    service: view.name,
    state: view.state,
    since: view.since,
    summary: summary(facts, failure, finding, likely),
    evidence: evidence(facts, failure, showsOutput ? finding : null, likely, showsOutput),
    last_lines: showsOutput ? lastLines.slice(-LINES) : [],
    next,
    next_at: at,
    commands: commands(facts, failure, finding),
  };
}
