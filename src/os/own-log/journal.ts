// Whether a descriptor is the journal's, which has a time for each line and reads its priority from a prefix (sd-daemon(3)).

import { fstatSync } from 'node:fs';

const PRIORITIES: Readonly<Record<string, number>> = { critical: 2, error: 3, warn: 4, info: 6, debug: 7 };

/** `stream`: JOURNAL_STREAM of the environment, the device and inode of the journal (systemd.exec(5)). */
export function isJournal(fd: number, stream: string | undefined): boolean {
  if (stream === undefined || stream === '') return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** An alert is an error whose message begins with CRITICAL. */
export function priorityPrefix(level: string, message: string): string {
  const isAlert = level === 'error' && message.startsWith('CRITICAL');
  return `<${PRIORITIES[isAlert ? 'critical' : level] ?? 6}>`;
}

/** Each line of a text with a prefix, so that none is of another priority. */
export function withPriority(text: string, level: string): string {
  const prefix = priorityPrefix(level, text);
  return text.replace(/^(?=.)/gm, prefix);
}
