// opsd's own log: pino makes the records, this file formats the lines and keeps opsd running when stdout is broken.

import { pino } from 'pino';
import type { Component } from '../../config/values/log-level.ts';
import type { LogFilter } from '../../core/model/config.ts';
import type { Clock } from '../../runtime/clock.ts';
import { dateOf } from '../../runtime/wall-time.ts';
import type { Masks } from '../../text/masks.ts';
import { isJournal, priorityPrefix } from './journal.ts';
import { LineSink } from './line-sink.ts';
import { textLine } from './log-text.ts';
import { maskedRecord } from './masked-record.ts';
import { timestamp } from './timestamp.ts';

export type Fields = Readonly<Record<string, string | number | boolean | null>>;

/** A message with fields is a fixed sentence of opsd, and never masked; one without may quote what opsd has met. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** An alert: an error whose message begins with `CRITICAL`. */
  critical(message: string, fields?: Fields): void;
  /** The log of a component, whose level `log_level = "info,<name>=debug"` can set. */
  component(name: Component): Log;
}

export interface Logger extends Log, AsyncDisposable {
  /** Changes the level or filter, also of the components. */
  setLevel(filter: LogFilter): void;
  /** Lines lost since the start, as nobody read them. */
  readonly dropped: number;
  /** Writes the buffered lines before it returns: for the last lines of a process, with at most one blocking write. */
  flushNow(): void;
}

interface LoggerOptions {
  readonly level: LogFilter;
  readonly format: 'text' | 'json';
  /** A descriptor; 1 (stdout) when left out. */
  readonly destination?: number;
  /** JOURNAL_STREAM of the environment: where `destination` is the journal, lines have a priority, and text no time. */
  readonly journalStream?: string | undefined;
  /** Secrets, which are masked in every line. */
  readonly masks?: Masks;
  readonly clock: Clock;
}

export function createLogger(options: LoggerOptions): Logger {
  let filter = options.level;
  const { clock } = options;
  const destination = options.destination ?? 1;
  const toJournal = isJournal(destination, options.journalStream);
  const isoNow = () => dateOf(clock.unix()).toISOString();
  const sink = new LineSink(destination, clock, (lines) =>
    options.format === 'text'
      ? `${toJournal ? '<4>' : `${timestamp(clock.unix())} `}[WARN] log lines were dropped: stdout of opsd is blocked or closed count=${lines}\n`
      : `${JSON.stringify({ time: isoNow(), level: 'warn', message: 'log lines were dropped: stdout of opsd is blocked or closed', count: lines })}\n`,
  );
  const text = options.format === 'text';
  const { masks } = options;
  const root = pino(
    {
      level: filter.level,
      base: null,
      messageKey: 'message',
      timestamp: () => (text ? `,"time":"${timestamp(clock.unix())}"` : `,"time":"${isoNow()}"`),
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(record: string) {
        const line = masks?.finds(record) ? maskedRecord(record, masks) : record;
        if (text) return sink.write(textLine(line, toJournal));
        if (!toJournal) return sink.write(line);
        const { level, message }: Record<string, unknown> = JSON.parse(line);
        sink.write(`${priorityPrefix(String(level), String(message))}${line}`);
      },
    },
  );
  const known = new Map<string, { readonly log: Log; readonly to: typeof root }>();
  const levelOf = (component: string) => filter.components.get(component) ?? filter.level;
  const wrap = (to: typeof root): Log => ({
    debug: (message, fields) => to.debug(fields ?? {}, message),
    info: (message, fields) => to.info(fields ?? {}, message),
    warn: (message, fields) => to.warn(fields ?? {}, message),
    error: (message, fields) => to.error(fields ?? {}, message),
    critical: (message, fields) => to.error(fields ?? {}, `CRITICAL ${message}`),
    component(name) {
      const found = known.get(name);
      if (found !== undefined) return found.log;
      const child = root.child({}, { level: levelOf(name) });
      const log = wrap(child);
      known.set(name, { log, to: child });
      return log;
    },
  });
  const lastWords = () => sink.flushNow();
  process.on('exit', lastWords);
  return {
    ...wrap(root),
    get dropped() {
      return sink.dropped;
    },
    flushNow: lastWords,
    setLevel(next) {
      filter = next;
      root.level = filter.level;
      for (const [name, { to }] of known) to.level = levelOf(name);
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', lastWords);
      await sink[Symbol.asyncDispose]();
    },
  };
}
