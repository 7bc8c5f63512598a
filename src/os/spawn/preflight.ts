// Checks a command before it is spawned: the kernel's error would be a bare ENOENT that names the wrong file.

import { accessSync, constants, type Stats } from 'node:fs';
import { basename } from 'node:path';
import { LONGEST_NAME, shortened } from '../../text/shortened.ts';
import { loaderIn } from '../chain/elf.ts';
import { isOutOfDescriptors } from '../procfs/spare-descriptor.ts';
import { DistrustedPath, find, lookAt, lookThrough, readHead } from '../trust/foreign-path.ts';
import { plainPath } from '../trust/plain-path.ts';

/** MAX_ARG_STRLEN of the kernel: bytes of the longest argument or environment entry, with its final NUL. */
const LONGEST_STRING = 131_072;
/** BINPRM_BUF_SIZE of the kernel: the bytes it reads of a script to see how to run it. */
const LONGEST_FIRST_LINE = 256;
/** Enough for the program headers of an ELF file, and the name of its loader. */
const HEAD = 4096;
/** Characters of PATH in a message. */
const LONGEST_PATH_SHOWN = 256;
const head = Buffer.allocUnsafe(HEAD);
/** Folders of a PATH that are searched: whoever writes the env_file decides how many it has. */
const MOST_FOLDERS = 64;
/** Folders that a PATH may have before time counts: what the answer is for a usual one depends on no clock. */
const USUAL_FOLDERS = 16;
/** Names of a path that is looked at in the loop; an entry of a PATH may have thousands (`d/../d/../`). */
const MOST_NAMES = 64;
/** Whose links opsd follows as root: root's. null: opsd has no privilege that the service has not. */
const TRUSTED = process.geteuid?.() === 0 ? new Set([0]) : null;

interface Candidate {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Whether the time is over that opsd takes for this service: what is left is for the child with its rights to find. */
  readonly isLate: () => boolean;
  /** Called with each path that the answer depends on. */
  readonly onLook?: (path: string) => void;
}

type SearchContext = Pick<Candidate, 'cwd' | 'environment' | 'onLook' | 'isLate'>;

/** `unknown`: a user who is not trusted decides what is there; what the service's user finds there counts. */
type Look = Stats | null | 'unknown';

/** null: no problem was found. Otherwise one sentence: what is wrong, where, and what to do. */
export function preflight(candidate: Candidate): string | null {
  const { command, environment } = candidate;
  return problemOfStrings(command, environment) ?? problemOnHost(candidate);
}

/** Only what another state of the host would put right. */
export function problemOnHost(candidate: Candidate): string | null {
  return problemOfCwd(candidate) ?? problemOfProgram(candidate.command[0], candidate);
}

/** What no host can start. */
export function problemOfStrings(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): string | null {
  for (const [index, text] of command.entries()) {
    const where = index === 0 ? 'the command' : `argument ${index} of the command`;
    if (text.includes('\0')) return `${where} holds a NUL byte: no process can be given one, remove it`;
    if (isTooLong(text)) return `${where} is longer than the ${LONGEST_STRING} bytes that Linux allows: use a file`;
  }
  for (const name in environment) {
    const text = environment[name] ?? '';
    if (text.includes('\0') || name.includes('\0')) {
      return `the environment variable ${shortened(name.replaceAll('\0', ''), LONGEST_NAME)} holds a NUL byte: remove it`;
    }
    if (isTooLong(text))
      return `the environment variable ${shortened(name, LONGEST_NAME)} is longer than the ${LONGEST_STRING} bytes that Linux allows: use a file`;
  }
  return null;
}

/** A UTF-16 unit is at most three bytes of UTF-8, so hardly any text must be encoded to be measured. */
function isTooLong(text: string): boolean {
  return text.length * 3 >= LONGEST_STRING && Buffer.byteLength(text) >= LONGEST_STRING;
}

function problemOfCwd({ cwd, onLook }: SearchContext): string | null {
  const stats = look(cwd, onLook);
  if (stats === null) return `the working directory ${cwd} ${whyAbsent(cwd)}: create it, or correct cwd`;
  return stats.isDirectory() ? null : `the working directory ${cwd} is not a directory: correct cwd`;
}

function problemOfProgram(name: string, around: SearchContext): string | null {
  if (name === '') return 'the command is empty: write the program to run';
  if (name.includes('/')) return problemOfFile(plainPath(around.cwd, name), `command ${name}`, around);
  const { path, problem } = search(name, `command ${name}`, around);
  return path === null ? problem : problemOfHead(path, around);
}

/** The file that execvp(3) would execute with opsd's rights; null: none. */
export function findProgram(name: string, cwd: string, path: string): string | null {
  if (name.includes('/')) return name;
  for (const folder of path.split(':')) {
    const file = folder.startsWith('/') ? `${folder}/${name}` : plainPath(cwd, `${folder}/${name}`);
    const stats = look(file);
    if (stats !== null && obstacleTo(file, stats) === null) return file;
  }
  return null;
}

/**
 * Like execvp(3): the first file in PATH that can be executed. A file that cannot be executed is reported only if no
 * other can. `problem` is null too, if something was not looked at. The service's user may have written the PATH and
 * made what its entries lead to: folders, links and time are bounded.
 */
function search(
  name: string,
  what: string,
  { cwd, environment, onLook, isLate }: SearchContext,
): { path: string | null; problem: string | null } {
  const path = environment.PATH ?? '';
  const folders = path.split(':', MOST_FOLDERS + 1);
  let problem =
    folders.length <= MOST_FOLDERS
      ? `${what} is not in PATH (${shortened(path, LONGEST_PATH_SHOWN)}): install it, or write its full path`
      : `${what} is in none of the first ${MOST_FOLDERS} folders of PATH, the rest is not searched: shorten PATH, or write its full path`;
  let isOnlyAbsent = true;
  let isSure = true;
  for (const [index, folder] of folders.slice(0, MOST_FOLDERS).entries()) {
    if (index >= USUAL_FOLDERS && isLate()) return { path: null, problem: null };
    const file = folder.startsWith('/') ? `${folder}/${name}` : within(cwd, `${folder}/${name}`);
    const stats = lookSafely(file, onLook);
    if (stats === 'unknown') isSure = false;
    if (stats === null || stats === 'unknown') continue;
    const obstacle = obstacleTo(file, stats);
    if (obstacle === null) return { path: file, problem: null };
    if (isOnlyAbsent) problem = `${what}: ${file} ${obstacle}`;
    isOnlyAbsent = false;
  }
  return { path: null, problem: isSure ? problem : null };
}

/** One with `..` stays as it is written: what that means is seen only by a look at the links before it. */
function within(cwd: string, path: string): string {
  const whole = path.startsWith('/') ? path : `${cwd}/${path}`;
  return /\/\.\.(?:\/|$)/.test(whole) ? whole : plainPath('/', whole);
}

function problemOfFile(file: string, what: string, around: SearchContext): string | null {
  const stats = look(file, around.onLook);
  if (stats === null) return `${what}: ${file} ${whyAbsent(file)}: install it, or correct the path`;
  const obstacle = obstacleTo(file, stats);
  return obstacle === null ? problemOfHead(file, around) : `${what}: ${file} ${obstacle}`;
}

function obstacleTo(file: string, stats: Stats): string | null {
  if (stats.isDirectory()) return 'is a directory, not a program';
  if (!stats.isFile()) return 'is not a regular file';
  if ((stats.mode & 0o111) === 0) return `is not executable: chmod +x ${file}`;
  try {
    accessSync(file, constants.X_OK);
    return null;
  } catch {
    return 'cannot be executed by opsd: it lies on a file system mounted noexec, or its owner keeps opsd out';
  }
}

/**
 * The interpreter of a script must exist too. A file that is neither script nor binary is run by /bin/sh, as execvp(3)
 * does.
 */
function problemOfHead(file: string, around: SearchContext): string | null {
  // 0 for a file that cannot be read: an executable file need not be readable.
  const length = readHead(file, head);
  if (length >= 20 && head.readUInt32BE(0) === ELF) {
    return isForeignBinary(head) ? foreign(file) : problemOfLoader(file, loaderIn(head.subarray(0, length)), around);
  }
  if (length < 2 || head[0] !== 0x23 || head[1] !== 0x21) return null;
  const text = head.toString('utf8', 2, Math.min(length, LONGEST_FIRST_LINE));
  const end = text.indexOf('\n');
  const line = end === -1 ? text : text.slice(0, end);
  if (line.endsWith('\r')) {
    return `script ${file} has a carriage return (CRLF) at the end of its first line: convert it with dos2unix`;
  }
  const [interpreter = '', argument = ''] = line.trim().split(/[ \t]+/, 2);
  if (interpreter === '') return null;
  const what = `interpreter ${interpreter} of script ${file}`;
  const path = within(around.cwd, interpreter);
  const stats = lookSafely(path, around.onLook);
  if (stats === 'unknown') return null;
  if (stats === null) return `${what} ${whyAbsent(path)}: install it, or correct the first line`;
  const obstacle = obstacleTo(path, stats);
  if (obstacle !== null) return `${what} ${obstacle}`;
  if (basename(interpreter) !== 'env' || !/^[A-Za-z0-9._+]+$/.test(argument)) return null;
  const found = search(argument, `interpreter ${argument} of script ${file}`, around);
  return found.path === null ? found.problem : null;
}

/** Without its loader the kernel says ENOENT of a program that is there. */
function problemOfLoader(file: string, loader: string | null, { onLook }: SearchContext): string | null {
  if (loader === null) return null;
  const stats = lookSafely(loader, onLook);
  if (stats === 'unknown') return null;
  const what = `the dynamic loader ${loader} of program ${file}`;
  const remedy = 'install the C library that it was built for (glibc or musl), or a program built for this host';
  if (stats === null) return `${what} ${whyAbsent(loader)}: ${remedy}`;
  const obstacle = obstacleTo(loader, stats);
  return obstacle === null ? null : `${what} ${obstacle}`;
}

/** "\x7fELF" */
const ELF = 0x7f454c46;
/** e_machine of elf(5) by Node's names of the architectures. */
const MACHINES: Readonly<Record<string, readonly number[]>> = { x64: [62, 3], arm64: [183, 40], riscv64: [243] };

/**
 * Built for another architecture: the kernel refuses it (unless binfmt_misc runs it), and a shell would read it as a
 * script.
 */
function isForeignBinary(start: Buffer): boolean {
  const ours = MACHINES[process.arch];
  const machine = start[5] === 1 ? start.readUInt16LE(18) : start.readUInt16BE(18);
  return ours !== undefined && !ours.includes(machine) && look('/proc/sys/fs/binfmt_misc/status') === null;
}

function foreign(file: string): string {
  return `program ${file} is built for another kind of machine than this (${process.arch}): install the right one`;
}

/** For paths that the service's user may have chosen: no link of a stranger is followed with opsd's rights. */
function lookSafely(path: string, onLook?: (path: string) => void): Look {
  onLook?.(path);
  if (path.split('/', MOST_NAMES + 1).length > MOST_NAMES) return 'unknown';
  try {
    if (TRUSTED === null) return lookThrough(path);
    using found = find(path, TRUSTED);
    return found.stats;
  } catch (error) {
    // Without a descriptor left nothing is known: the spawn itself will say so.
    return error instanceof DistrustedPath || isOutOfDescriptors(error) ? 'unknown' : null;
  }
}

function look(path: string, onLook?: (path: string) => void): Stats | null {
  onLook?.(path);
  try {
    return lookThrough(path);
  } catch {
    return null;
  }
}

function whyAbsent(path: string): string {
  try {
    const found = lookAt(path);
    if (found === null) return 'does not exist';
    return found.isSymbolicLink() ? 'is a symbolic link that leads nowhere' : 'cannot be looked at';
  } catch {
    return 'does not exist';
  }
}
