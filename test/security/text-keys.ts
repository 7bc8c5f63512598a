// The keys of config.toml that take a text, out of the schema, and values for them with a secret in it.

import { jsonSchema } from '../../src/config/schema/schema.ts';

interface Json {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Json>>;
  readonly additionalProperties?: boolean | Json;
  readonly items?: Json;
  readonly anyOf?: readonly Json[];
}

export type Form = 'text' | 'list' | 'named';

export interface TextKey {
  readonly table: 'daemon' | 'service';
  /** `health.http`. */
  readonly key: string;
  readonly forms: readonly Form[];
}

/** Also those of a closed form: what is written in its place by mistake is secret all the same. */
export function textKeys(): readonly TextKey[] {
  const root: Json = jsonSchema();
  const services = root.properties?.services?.additionalProperties;
  return [
    ...keysBelow(root.properties?.daemon ?? {}, 'daemon', ''),
    ...keysBelow(typeof services === 'object' ? services : {}, 'service', ''),
  ];
}

function keysBelow({ properties = {} }: Json, table: TextKey['table'], prefix: string): readonly TextKey[] {
  return Object.entries(properties).flatMap(([name, json]) => {
    const key = `${prefix}${name}`;
    const inner = [json, ...(json.anyOf ?? [])].find((form) => form.properties !== undefined);
    const below = inner === undefined ? [] : keysBelow(inner, table, `${key}.`);
    const forms = [...new Set([json, ...(json.anyOf ?? [])].flatMap(formOf))];
    return forms.length === 0 ? below : [{ table, key, forms }, ...below];
  });
}

function formOf({ type, items, additionalProperties, enum: words, properties }: Json): readonly Form[] {
  const types = [type ?? []].flat();
  if (types.includes('string') || words !== undefined) return ['text'];
  if (types.includes('array')) return items?.type === 'integer' ? [] : ['list'];
  return types.includes('object') && properties === undefined && additionalProperties !== false ? ['named'] : [];
}

/** What makes sense only with it. */
const BESIDE: Readonly<Record<string, string>> = {
  'ready.url': 'ready.on = "http"\n',
  'ready.address': 'ready.on = "tcp"\n',
  'ready.command': 'ready.on = "exec"\n',
  'ready.pattern': 'ready.on = "log"\n',
};

/** TOML of env.toml with the secret in that key. */
export function written({ table, key }: TextKey, form: Form, secret: string): string {
  const value = { text: toml(secret), list: `["x", ${toml(secret)}]`, named: `{ NAME = ${toml(secret)} }` }[form];
  return `[${table === 'daemon' ? 'daemon' : 'services.web'}]\n${key} = ${value}\n${BESIDE[key] ?? ''}`;
}

/** A basic string of TOML; DEL is the one character that JSON leaves as it is. */
export function toml(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}
