// Whether the next opsd could take over, asked before this one ends.

import type { ReloadResult } from '../../api/reload.ts';
import { oneLine } from '../../config/report/problems.ts';
import type { Config, ListenAddress } from '../../core/model/config.ts';
import type { HostProblem, Problem } from '../../errors.ts';
import type { Log } from '../../os/own-log/logger.ts';
import type { Configuration } from '../configuration/configuration.ts';

type HandoverRefusal = Extract<ReloadResult, { readonly ok: false }>;

interface HandoverOptions {
  readonly configuration: Pick<Configuration, 'forNext'>;
  /** The address that this opsd listens on; null: none. */
  readonly listensOn: ListenAddress | null;
  /** Why nobody could listen there now; null: one could. */
  readonly whyCannotListen: (address: ListenAddress) => Promise<string | null>;
  /** What the program that is started next has against it; empty: nothing. */
  readonly askNext: () => Promise<readonly string[]>;
  readonly log: Log;
}

const STAYS = 'this opsd goes on';

export class Handover {
  readonly #options: HandoverOptions;

  constructor(options: HandoverOptions) {
    this.#options = options;
  }

  /** null: nothing is known that would keep the next opsd from its start. A refusal is logged. */
  async whyNot(by: string): Promise<HandoverRefusal | null> {
    const { askNext, configuration } = this.#options;
    const next = configuration.forNext();
    const problems = 'problems' in next ? next.problems : await this.problemsOfListener(next.config);
    if (problems.length > 0) return this.#refuse('the configuration has problems', problems, by);
    const [why, ...lines] = await askNext();
    if (why === undefined) return null;
    const told = lines.map((message) => ({ where: 'the next opsd', line: null, key: '', message }));
    return this.#refuse(why, told, by);
  }

  /** Of an address that this opsd does not listen on itself. */
  async problemsOfListener({ daemon: { http } }: Config): Promise<readonly HostProblem[]> {
    const { listensOn, whyCannotListen } = this.#options;
    if (http === null || (http.host === listensOn?.host && http.port === listensOn.port)) return [];
    const message = await whyCannotListen(http);
    return message === null ? [] : [{ where: 'this host', line: null, key: 'daemon.http', message, isFatal: true }];
  }

  #refuse(why: string, problems: readonly Problem[], by: string): HandoverRefusal {
    const message = `the next opsd could not start: ${why}; ${STAYS}`;
    this.#options.log.error('a handover was refused', { by, why: message });
    for (const problem of problems) this.#options.log.error('configuration', { problem: oneLine(problem) });
    return { ok: false, code: 'bad_configuration', message, problems };
  }
}
