// The status page: one document, nothing to build, nothing from another host.

import { createHash } from 'node:crypto';
import { PAGE_SCRIPT } from './page-script.ts';
import { PAGE_STYLE } from './page-style.ts';

/** A filled circle, so that browsers ask for no favicon.ico. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='%2316713a'/%3E%3C/svg%3E";

export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>opsd</title>
<link rel="icon" href="${ICON}">
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>opsd</h1>
<span id="about"></span>
<span id="link" role="status">connecting…</span>
</header>
<div id="banner" role="alert" hidden></div>
<div id="tools" role="search">
<label class="unseen" for="filter">Filter services by name</label>
<input id="filter" type="search" placeholder="Filter by name ( / )" autocomplete="off" spellcheck="false" maxlength="64">
<div id="states" role="group" aria-label="Filter services by state"></div>
</div>
<section id="notes" class="card" aria-label="Rollouts and scale" hidden><ul id="noted"></ul></section>
<main>
<section class="card" aria-label="Services">
<p id="found" class="unseen" role="status"></p>
<p id="said" class="unseen" role="status"></p>
<table id="table" hidden>
<caption class="unseen">Services, with their state and what they use</caption>
<thead><tr>
<th scope="col"><button type="button" data-key="name">Name</button></th>
<th scope="col" aria-sort="ascending"><button type="button" data-key="state">State</button></th>
<th scope="col" class="num narrow"><button type="button" data-key="uptime">Uptime</button></th>
<th scope="col" class="num narrow"><button type="button" data-key="restarts">Restarts</button></th>
<th scope="col" class="num"><button type="button" data-key="cpu">CPU</button></th>
<th scope="col" class="num"><button type="button" data-key="memory">Memory</button></th>
<th scope="col" class="num wide"><span class="head">Last beat</span></th>
<th scope="col" class="why"><span class="head">Why</span></th>
</tr></thead>
<tbody id="rows"></tbody>
</table>
<p id="empty">Waiting for opsd…</p>
</section>
<aside id="detail" class="card" aria-labelledby="title" hidden>
<button id="close" type="button">Close</button>
<h2 id="title" tabindex="-1"></h2>
<span id="state" class="state"></span>
<p id="summary"></p>
<h3>Next</h3><p id="next"></p>
<section id="helps"><h3>What would help</h3><div id="commands"></div></section>
<h3>Evidence</h3><dl id="evidence"></dl>
<section id="log" hidden><h3>It wrote last</h3><pre id="lines" tabindex="0" aria-label="Last lines of its output"></pre></section>
<h3>History</h3><ol id="history"></ol>
</aside>
</main>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;

/** Nothing runs, styles or loads but what is above; nobody may put the page into a frame. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    `script-src '${sha256(PAGE_SCRIPT)}'`,
    `style-src '${sha256(PAGE_STYLE)}'`,
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

function sha256(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
