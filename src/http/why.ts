// Why a service is as it is: the cause in a sentence, what it rests on, what comes next, and what would help.

import { findingIn } from './symptoms.ts';
import { toolFailure } from './tool-words.ts';
import type { WhyView } from './view.ts';
import { commands } from './why-advice.ts';
import { evidence } from './why-evidence.ts';
import { lastFailure, type WhyFacts } from './why-facts.ts';
import { nextStep } from './why-next.ts';
import { summary } from './why-summary.ts';

const LINES = 10;

export function explain(facts: WhyFacts): WhyView {
  const { service, view, lastLines } = facts;
  const { name, group, launch } = service.spec;
  const failure = lastFailure(facts);
  // What it wrote while all was well explains nothing.
  const finding =
    failure === null || view.state === 'running'
      ? null
      : (toolFailure(group ?? name, launch, failure.exit?.code, lastLines.at(-1)) ?? findingIn(lastLines));
  const { next, at } = nextStep(facts);
  return {
    version: 1,
    service: view.name,
    state: view.state,
    since: view.since,
    summary: summary(facts, failure, finding),
    evidence: evidence(facts, failure, finding),
    last_lines: lastLines.slice(-LINES),
    next,
    next_at: at,
    commands: commands(facts, failure, finding),
  };
}
