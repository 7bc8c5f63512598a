// Asks what a service's user may do through a short-lived child with that user's privileges: opsd itself never changes
// its user.

import { type ChildProcess, execFile, spawnSync } from 'node:child_process';
import type { UserObstacle } from '../../config/check/host-facts.ts';
import type { Launch } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { quote } from './exec-chain.ts';
import { DEFAULT_PATH } from './tools.ts';

/** Question: can the user enter `cwd` and execute `program`? `path`: the PATH in which it is searched. */
interface ViewQuestion {
  readonly cwd: string;
  readonly program: string;
  readonly path: string;
}

/** The user: `rights` is the stage of the exec chain that drops privileges; `name` is for messages ("user web"). */
interface UserRights {
  readonly rights: readonly string[];
  readonly name: string;
}

/** The user of a service as messages name it. */
export function nameOfUser({ user, group }: Pick<Launch, 'user' | 'group'>): string {
  if (user !== null) return `user ${user}`;
  return group === null ? 'the service with the capabilities it has' : `the service with group ${group}`;
}

/** Milliseconds to wait for an answer; a network file system may give none. */
const ANSWER_TIMEOUT = 2_000;
/** Children at a time while opsd supervises. A service that fails meanwhile is asked about after its next failure. */
const MOST_AT_ONCE = 8;
/** Upper limit of the questions to one child. */
const MOST_QUESTIONS = 2_000;
const SH = '/bin/sh';

const OPTIONS = {
  cwd: '/',
  env: { PATH: DEFAULT_PATH, LANG: 'C' },
  timeout: ANSWER_TIMEOUT,
  killSignal: 'SIGKILL',
  encoding: 'utf8',
  maxBuffer: 1 << 20,
} as const;

let underWay = 0;

/** null: no obstacle, or unknown. Never rejects. */
export async function askUser(asked: UserRights, question: ViewQuestion, clock: Clock): Promise<UserObstacle | null> {
  const [file = SH, ...args] = [...asked.rights, SH, '-s'];
  if (underWay >= MOST_AT_ONCE) return null;
  const { promise, resolve } = Promise.withResolvers<string>();
  // A child that waits in the kernel is not waited for.
  using alarm = clock.alarm(() => resolve(''));
  alarm.set(ANSWER_TIMEOUT);
  let child: ChildProcess;
  try {
    child = execFile(file, args, OPTIONS, (_error, stdout) => {
      underWay -= 1;
      resolve(stdout);
    });
  } catch {
    return null;
  }
  underWay += 1;
  // A child that does not read its stdin has failed, which its exit tells.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(scriptOf([question]));
  const told = await promise;
  // Another process that holds the pipe is not waited for.
  child.stdout?.destroy();
  return obstaclesOf(told, [question], asked.name)[0] ?? null;
}

/**
 * Asks many questions and blocks opsd until they are answered; one answer for each. `timeout`: milliseconds for all
 * together.
 */
export function askUserNow(
  asked: UserRights,
  questions: readonly ViewQuestion[],
  timeout: number,
  clock: Clock,
): readonly (UserObstacle | null)[] {
  const [file = SH, ...args] = [...asked.rights, SH, '-s'];
  const answers: (UserObstacle | null)[] = [];
  const until = clock.now() + timeout;
  for (let from = 0; from < questions.length; from += MOST_QUESTIONS) {
    const some = questions.slice(from, from + MOST_QUESTIONS);
    const timeout = Math.ceil(until - clock.now());
    const input = scriptOf(some);
    const told = timeout <= 0 ? '' : spawnSync(file, args, { ...OPTIONS, timeout, input }).stdout;
    answers.push(...obstaclesOf(told ?? '', some, asked.name));
  }
  return answers;
}

/** Shell function that prints one line: `ok`, or the obstacle. */
const LOOK = `look() {
  cd -- "$1" 2>/dev/null || { echo cwd; return; }
  file=$2
  case $2 in
    */*) ;;
    *)
      file=
      IFS=:
      for folder in $3; do
        [ -f "\${folder:-.}/$2" ] && [ -x "\${folder:-.}/$2" ] && { file=\${folder:-.}/$2; break; }
      done
      unset IFS ;;
  esac
  [ -f "$file" ] && [ -x "$file" ] || { echo program; return; }
  first=
  read -r first 2>/dev/null < "$file"
  case $first in
    '#!'*)
      set -- \${first#??}
      [ -f "$1" ] && [ -x "$1" ] || { echo "interpreter $1"; return; } ;;
  esac
  echo ok
}
set -f
`;

function scriptOf(questions: readonly ViewQuestion[]): string {
  // A subshell for each question, so that `cd` has no effect on the next.
  const lines = questions.map(({ cwd, program, path }) => `(look ${[cwd, program, path].map(quote).join(' ')})\n`);
  return `${LOOK}${lines.join('')}`;
}

function obstaclesOf(told: string, questions: readonly ViewQuestion[], name: string): readonly (UserObstacle | null)[] {
  const lines = told.split('\n');
  // An incomplete last line is dropped.
  lines.pop();
  return questions.map((question, index) => obstacleOf(lines[index] ?? 'ok', question, name));
}

/** BINPRM_BUF_SIZE of the kernel, which reads no more either. */
const LONGEST_INTERPRETER = 256;
const LET = 'let that user read and execute it, and pass the folders above it (chmod, setfacl)';

function obstacleOf(answer: string, { cwd, program, path }: ViewQuestion, name: string): UserObstacle | null {
  const [word = '', named = ''] = answer.split(/ (.*)/s, 2);
  // The file and the child belong to the user: only the length-limited name of the interpreter is taken from the
  // answer.
  const interpreter = named.slice(0, LONGEST_INTERPRETER);
  const enter = 'let that user pass it and the folders above it (chmod, setfacl), or correct cwd';
  const ofProgram = (why: string) => ({ isOfFolder: false, why: `command ${program}: ${name} may ${why}: ${LET}` });
  switch (word) {
    case 'cwd':
      return { isOfFolder: true, why: `${name} may not enter the working directory ${cwd}: ${enter}` };
    case 'program':
      return ofProgram(program.includes('/') ? 'not execute it' : `execute none in PATH (${path})`);
    case 'interpreter':
      return ofProgram(`not execute its interpreter ${interpreter}`);
    default:
      return null;
  }
}
