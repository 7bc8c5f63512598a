// The two ways opsd can end badly, with their exit codes (1: a person must correct something, 2: something failed at work), and the code of a system error.

/** One thing that is wrong with the configuration. */
export interface Problem {
  /** File, or name of the environment variable. */
  readonly where: string;
  /** 1-based; null: not known. */
  readonly line: number | null;
  /** `services.web.stop_timeout`; empty: the file as a whole. */
  readonly key: string;
  /** What is wrong, what was expected, and what to do. */
  readonly message: string;
}

/** Something that this host lacks at the moment, and that the configuration needs. */
export interface HostProblem extends Problem {
  /** opsd itself cannot work; otherwise only what needs it cannot. */
  readonly isFatal: boolean;
}

/** A mistake in the configuration or on the command line: exit code 1; 2 where opsd is to be started again all the same. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly exitCode: 1 | 2;
  readonly problems: readonly Problem[];
  constructor(message: string, problems: readonly Problem[] = [], exitCode: 1 | 2 = 1) {
    super(message);
    this.problems = problems;
    this.exitCode = exitCode;
  }
}

/** Something that failed while running: exit code 2. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly exitCode = 2;
}

/** The errno name of a system error, or an empty string. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
