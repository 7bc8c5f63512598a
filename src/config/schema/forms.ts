// The forms that values have, and what is said when one does not have it. The only user of zod.

import * as z from 'zod/mini';
import type { Millis } from '../../core/model/spec.ts';
import { parseDuration, parseMode, parseSize, type Reading } from '../../text/units.ts';
import { readAccount } from '../values/account-name.ts';
import { readCommand } from '../values/command.ts';
import { parseEnding } from '../values/signals.ts';

export type Schema<T> = z.ZodMiniType<T>;
/** What a schema makes of a value. */
export type ValuesOf<S extends z.core.$ZodType> = z.infer<S>;

/** What JSON Schema says of a key beyond what zod knows. */
interface Notes {
  readonly description?: string;
  readonly [keyword: string]: unknown;
}

const notes = z.registry<Notes>();

export function described<S extends z.core.$ZodType>(description: string, schema: S): S {
  notes.add(schema, { ...notes.get(schema), description });
  return schema;
}

/** A key whose text `read` understands; `json` is how JSON Schema puts it. */
export function reading<T>(json: Notes, read: (input: unknown) => Reading<T>) {
  const transform = z.transform((input: unknown, context): T => {
    const result = read(input);
    if (result.ok) return result.value;
    context.issues.push({ code: 'custom', input, message: result.expected, params: { hint: result.hint ?? '' } });
    return z.NEVER;
  });
  const schema = z.pipe(z.unknown(), transform);
  notes.add(schema, json);
  return schema;
}

/** A default, as it would be written. It is read once and shared by all that do not say otherwise. */
export function preset<T>(schema: z.ZodMiniType<T>, written: unknown) {
  const value = z.parse(schema, written);
  assertGiven(value);
  const withDefault = z._default(schema, () => value);
  notes.add(withDefault, { default: written });
  return withDefault;
}

function assertGiven<T>(value: T): asserts value is T & z.core.util.NoUndefined<T> {
  if (value === undefined) throw new Error('a default cannot be nothing');
}

const DURATION_JSON = {
  title: 'duration',
  type: 'string',
  pattern: '^(\\d+(\\.\\d+)?(ms|[dhms]))+$',
  examples: ['30s', '1h30m'],
};
export const duration = () => reading(DURATION_JSON, (input) => parseDuration(input));
/** Where no time at all makes no sense. */
export const span = () => reading(DURATION_JSON, (input) => parseDuration(input, 1));

/** No time at all turns it off; less than `least` makes no sense. */
export const spanOrNone = (least: Millis) =>
  reading(DURATION_JSON, (input) => parseDuration(input, isNone(input) ? 0 : least));

function isNone(input: unknown): boolean {
  const given = parseDuration(input);
  return given.ok && given.value === 0;
}

export const text = (expected = 'a string') => z.string({ error: expected }).check(z.minLength(1, { error: expected }));
export const flag = () => z.boolean({ error: 'true or false' });
export const integer = (least: number, most: number) => {
  const error = `a whole number from ${least} to ${most}`;
  return z.int({ error }).check(z.minimum(least, { error }), z.maximum(most, { error }));
};
export const number = (least: number, most: number) => {
  const error = `a number from ${least} to ${most}`;
  return z.number({ error }).check(z.minimum(least, { error }), z.maximum(most, { error }));
};
export const choice = <const T extends readonly string[]>(values: T) =>
  z.enum(values, { error: `one of ${values.map((value) => `"${value}"`).join(', ')}` });
const listOf = <S extends z.core.$ZodType>(element: S, expected: string) => z.array(element, { error: expected });
export const table = <S extends z.core.$ZodShape>(shape: S) => z.strictObject(shape, { error: 'a table' });

export const optional = <S extends z.core.$ZodType>(schema: S) => z.optional(schema);
/** Optional; the real default depends on other keys. `written` is the usual one, for the JSON Schema and the reference. */
export const usually = <S extends z.core.$ZodType>(schema: S, written: unknown) => {
  const maybe = z.optional(schema);
  notes.add(maybe, { default: written });
  return maybe;
};
/** A table whose keys people choose. zod's own leaves out the key `__proto__` without a word. */
export const tableOfStrings = () => {
  const transform = z.transform((input: unknown, context): Readonly<Record<string, string>> => {
    const entries = isPlainTable(input) ? Object.entries(input) : null;
    if (entries === null) context.issues.push({ code: 'custom', input, message: 'a table of strings' });
    const texts: [string, string][] = [];
    for (const [key, value] of entries ?? []) {
      const result = readString(value);
      if (result.ok) {
        texts.push([key, result.value]);
        continue;
      }
      const { expected: message, hint = '' } = result;
      context.issues.push({ code: 'custom', input: value, message, params: { hint }, path: [key] });
    }
    // Defines what it is given: an assignment to `__proto__` would not.
    return Object.fromEntries(texts);
  });
  const schema = z.pipe(z.unknown(), transform);
  notes.add(schema, { type: 'object', additionalProperties: { type: 'string' } });
  return schema;
};

/** Not a list, nor a point in time. */
function isPlainTable(input: unknown): input is object {
  if (typeof input !== 'object' || input === null) return false;
  const prototype: unknown = Object.getPrototypeOf(input);
  return prototype === null || prototype === Object.prototype;
}

/** As JSON Schema puts it. */
export const STRINGS_JSON = { type: 'array', items: { type: 'string' } };
const ENDING_JSON = {
  anyOf: [
    { type: 'integer', minimum: 0, maximum: 255 },
    { type: 'string', title: 'signal' },
  ],
};
export const exitCodes = () => listOf(reading(ENDING_JSON, parseEnding), 'a list of exit codes');
export const strings = (expected = 'a list of strings') => listOf(text(), expected);
/** Names that a shell could not say are a list in one string, or a slip. */
export const variableNames = () => {
  const error = 'the name of a variable such as "HOME"';
  return listOf(z.string({ error }).check(z.regex(/^[^\s=]+$/, { error })), 'a list of variable names');
};
export const path = () => reading({ title: 'path', type: 'string', minLength: 1 }, readPath);
/** Or "", which means none. */
export const pathOrNone = () =>
  reading({ title: 'path', type: 'string' }, (input) => (input === '' ? { ok: true, value: '' } : readPath(input)));
export const size = (least: number) =>
  reading({ title: 'size', type: 'string', examples: ['512M', '2G'] }, (input) => parseSize(input, least));
export const mode = () => reading({ title: 'octal', type: 'string', pattern: '^(0o)?[0-7]{1,4}$' }, parseMode);
export const account = () => reading({ title: 'name or number', type: ['string', 'integer'] }, readAccount);
export const command = () =>
  reading(
    { title: 'command', anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }] },
    readCommand,
  );

function readString(input: unknown): Reading<string> {
  if (typeof input === 'string') return { ok: true, value: input };
  const isPlain = typeof input === 'number' || typeof input === 'boolean';
  return { ok: false, expected: 'a string', hint: isPlain ? `write "${input}"` : '' };
}

const HOME_HINT = '~ is not expanded: no shell runs; write the folder out, such as "/home/web"';

function readPath(input: unknown): Reading<string> {
  if (typeof input !== 'string' || input === '') return { ok: false, expected: 'a path' };
  // A folder of that name would be written ./~
  if (/^~[\w.-]*(\/|$)/.test(input)) return { ok: false, expected: 'a path without ~', hint: HOME_HINT };
  return { ok: true, value: input };
}

export interface Mistake {
  readonly path: readonly PropertyKey[];
  /** Keys at `path` that the schema does not know; if there are any, the rest says nothing. */
  readonly unknownKeys: readonly string[];
  readonly expected: string;
  readonly hint: string;
}

type Validation<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

export function validate<T>(schema: Schema<T>, input: unknown): Validation<T> {
  const result = z.safeParse(schema, input);
  if (result.success) return { ok: true, value: result.data };
  const mistakes = result.error.issues.map((issue): Mistake => {
    const hint: unknown = issue.code === 'custom' ? issue.params?.hint : '';
    return {
      path: issue.path,
      unknownKeys: issue.code === 'unrecognized_keys' ? issue.keys : [],
      expected: issue.message,
      hint: typeof hint === 'string' ? hint : '',
    };
  });
  return { ok: false, mistakes };
}

/** What zod leaves to us of the JSON Schema of one key. */
type Finish = (json: z.core.JSONSchema.BaseSchema, path: readonly (string | number)[], preset: unknown) => void;

/** JSON Schema (draft 7, which editors read). */
export function toJsonSchema(root: z.ZodMiniType<unknown>, finish: Finish): object {
  return z.toJSONSchema(root, {
    io: 'input',
    target: 'draft-7',
    metadata: notes,
    override({ zodSchema, jsonSchema, path: at }) {
      // zod leaves out the defaults of keys that are read into something else.
      const written = notes.get(zodSchema)?.default;
      if (written !== undefined) jsonSchema.default = written;
      finish(jsonSchema, at, written);
    },
  });
}

/** Tables of one form below names of this pattern. */
export const named = <S extends z.core.$ZodType>(pattern: RegExp, schema: S) =>
  z.record(z.string().check(z.regex(pattern)), schema);
