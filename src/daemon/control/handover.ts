// Whether the next opsd could take over, asked before this one ends.

import type { ReloadResult } from '../../api/reload.ts';
import { oneLine } from '../../config/report/problems.ts';
import type { Log } from '../../os/own-log/logger.ts';
import type { Configuration } from '../configuration/configuration.ts';

type HandoverRefusal = Extract<ReloadResult, { readonly ok: false }>;

const STAYS = 'this opsd goes on';

export class Handover {
  readonly #configuration: Pick<Configuration, 'problemsForNext'>;
  readonly #askNext: () => Promise<readonly string[]>;
  readonly #log: Log;

  /** `askNext`: what the program that is started next has against it; empty: nothing. */
  constructor(
    configuration: Pick<Configuration, 'problemsForNext'>,
    askNext: () => Promise<readonly string[]>,
    log: Log,
  ) {
    this.#configuration = configuration;
    this.#askNext = askNext;
    this.#log = log;
  }

  /** null: nothing is known that would keep the next opsd from its start. A refusal is logged. */
  async whyNot(by: string): Promise<HandoverRefusal | null> {
    const problems = this.#configuration.problemsForNext();
    if (problems.length > 0) {
      const message = `the next opsd could not start: the configuration has problems; ${STAYS}`;
      return this.#refuse({ ok: false, code: 'bad_configuration', message, problems }, by);
    }
    const [why, ...lines] = await this.#askNext();
    if (why === undefined) return null;
    const told = lines.map((message) => ({ where: 'the next opsd', line: null, key: '', message }));
    const message = `the next opsd could not start: ${why}; ${STAYS}`;
    return this.#refuse({ ok: false, code: 'bad_configuration', message, problems: told }, by);
  }

  #refuse(refusal: HandoverRefusal, by: string): HandoverRefusal {
    this.#log.error('a handover was refused', { by, why: refusal.message });
    for (const problem of refusal.problems) this.#log.error('configuration', { problem: oneLine(problem) });
    return refusal;
  }
}
