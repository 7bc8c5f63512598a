// The reference of docs/configuration.md: every key with its form, its default and its meaning, out of the schema.

import { jsonSchema, SHORTHANDS } from '../../src/config/schema/schema.ts';

interface Json {
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Json>>;
  readonly additionalProperties?: boolean | Json;
  readonly items?: Json;
  readonly anyOf?: readonly Json[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly description?: string;
}

interface Row {
  readonly key: string;
  readonly json: Json;
}

/** Markdown: a table for the daemon, one for services, and the short forms. */
export function reference(): string {
  const root: Json = jsonSchema();
  const services = root.properties?.services?.additionalProperties;
  const service = typeof services === 'object' ? services : {};
  const short = [...SHORTHANDS].map(([key, inner]) => `\`${key} = …\` for \`${key} = { ${inner} = … }\``);
  return [
    `\`include\`: ${root.properties?.include?.description}`,
    '',
    '**`[daemon]`**',
    '',
    ...tableOf(rowsOf(root.properties?.daemon ?? {}, '')),
    '',
    `**\`[services.NAME]\`**, and **\`[defaults]\`** for all of them. Short forms: ${short.join(', ')}.`,
    '',
    ...tableOf(rowsOf(service, '')),
  ].join('\n');
}

/** The table itself, then what is in it. */
function rowsOf({ properties = {} }: Json, prefix: string): readonly Row[] {
  return Object.entries(properties).flatMap(([name, json]) => {
    const key = `${prefix}${name}`;
    const inner = json.properties ? json : json.anyOf?.find(({ properties: keys }) => keys !== undefined);
    if (inner !== undefined) return [{ key, json: { ...json, title: 'table' } }, ...rowsOf(inner, `${key}.`)];
    if (json.items?.properties === undefined) return [{ key, json }];
    return [{ key, json: { ...json, title: 'tables' } }, ...rowsOf(json.items, `${key}.`)];
  });
}

function tableOf(rows: readonly Row[]): readonly string[] {
  const lines = rows.map(({ key, json }) => {
    const cells = [`\`${key}\``, shapeOf(json), defaultOf(json), json.description ?? ''];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`;
  });
  return ['| key | form | default | meaning |', '|---|---|---|---|', ...lines];
}

function shapeOf({ title, type, enum: words, minimum, maximum, items, additionalProperties }: Json): string {
  if (title !== undefined) return title;
  if (words !== undefined) return words.map((word) => `\`${word}\``).join(' ');
  switch (type) {
    case 'boolean':
      return '`true` `false`';
    case 'integer':
    case 'number':
      return `${minimum} to ${maximum}`;
    case 'array':
      return items?.type === 'integer' ? 'numbers' : 'list';
    case 'object':
      return typeof additionalProperties === 'object' && additionalProperties.type === 'string' ? 'texts' : 'table';
    default:
      return 'text';
  }
}

function defaultOf({ default: written }: Json): string {
  return written === undefined || JSON.stringify(written) === '{}' ? '' : `\`${JSON.stringify(written)}\``;
}
