// The status page: one document made of page.html, page.css and the scripts of browser/; nothing comes from another host.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In the order of the page. The scripts share one scope, and the last one starts the page. */
const SCRIPTS = ['words', 'spark', 'table', 'notes', 'detail', 'stream', 'start'];

const style = read('page.css');
const script = SCRIPTS.map((name) => read(`browser/${name}.js`)).join('\n');

export const PAGE = read('page.html')
  .replace('<style></style>', () => `<style>\n${style}</style>`)
  .replace('<script></script>', () => `<script>\n${script}</script>`);

/** Only the script and style above may run or apply, only opsd may be asked, and no site may frame the page. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    `script-src '${sha256(`\n${script}`)}'`,
    `style-src '${sha256(`\n${style}`)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

function read(name: string): string {
  return readFileSync(join(import.meta.dirname, name), 'utf8');
}

function sha256(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
