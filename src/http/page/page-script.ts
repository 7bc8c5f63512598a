// What the status page does in the browser. Everything that comes from services is set as text, never as HTML.

import { NOTES_SCRIPT } from './notes.ts';

export const PAGE_SCRIPT = String.raw`
'use strict';
const SAMPLES = 40, SILENCE = 25000, ROW_LIMIT = 5000;
const TROUBLE = ['failed', 'killing', 'backoff', 'stopping', 'waiting', 'starting', 'running', 'stopped', 'exited'];
const $ = (id) => document.getElementById(id);
const rows = new Map();
let daemon = null, skew = 0, source = null, heardAt = 0, wait = 1000, retry = 0;
let sort = { key: 'state', down: false }, chosenStates = new Set(), chosen = null, detailDue = 0, needsOrder = true;

const now = () => Date.now() - skew;
const node = (tag, text, name) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
};
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return s + 's';
  if (s < 3600) return Math.floor(s / 60) + 'm ' + (s % 60) + 's';
  if (s < 86400) return Math.floor(s / 3600) + 'h ' + Math.floor((s % 3600) / 60) + 'm';
  return Math.floor(s / 86400) + 'd ' + Math.floor((s % 86400) / 3600) + 'h';
}
function size(bytes) {
  let unit = 'B';
  for (const next of ['K', 'M', 'G', 'T']) { if (bytes < 1000) break; bytes /= 1024; unit = next; }
  return (unit === 'B' || bytes >= 10 ? Math.round(bytes) : bytes.toFixed(1)) + ' ' + unit;
}
const until = (time) => (Date.parse(time) > now() ? 'in ' + span(Date.parse(time) - now()) : 'now');
/** Control characters and marks that turn the direction of text are shown, not obeyed. */
const visible = (text) => text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (char) => {
  const code = char.codePointAt(0);
  return char === '\t' ? char : code < 32 ? String.fromCodePoint(0x2400 + code) : '<' + code.toString(16) + '>';
});
const percent = (ratio) => (ratio >= 1 ? Math.round(ratio * 100) : (ratio * 100).toFixed(1)) + ' %';

function spark() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'spark wide');
  svg.setAttribute('viewBox', '0 0 ' + (SAMPLES - 1) + ' 18');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS('http://www.w3.org/2000/svg', 'polyline'));
  return { svg, samples: [] };
}
function draw(line, floor) {
  const most = Math.max(floor, ...line.samples);
  const from = SAMPLES - line.samples.length;
  line.svg.firstChild.setAttribute('points', line.samples.map((value, i) => (from + i) + ',' + (17 - (value / most) * 16).toFixed(1)).join(' '));
}
function sample(line, value, floor) {
  if (value === null) {
    line.samples.length = 0;
    line.svg.firstChild.setAttribute('points', '');
    return;
  }
  line.samples.push(value);
  if (line.samples.length > SAMPLES) line.samples.shift();
  if (line.samples.length > 1) draw(line, floor);
}

function newRow(service) {
  const tr = node('tr');
  const cells = {};
  const cell = (key, name) => { cells[key] = node('td', undefined, name); tr.append(cells[key]); return cells[key]; };
  const link = node('a', service.name);
  link.href = '#/' + encodeURIComponent(service.name);
  cell('name', 'name').append(link);
  const state = node('span', '', 'state');
  cell('state').append(state);
  cell('uptime', 'num narrow');
  cell('restarts', 'num narrow');
  const cpu = spark(), memory = spark();
  const text = { cpu: node('span'), memory: node('span') };
  cell('cpu', 'num').append(cpu.svg, text.cpu);
  cell('memory', 'num').append(memory.svg, text.memory);
  cell('beat', 'num wide');
  cell('why', 'why');
  return { service, tr, cells, link, state, cpu, memory, text, heardAt: now(), shown: false };
}
function paint(row) {
  const { service, cells } = row;
  if (row.state.textContent !== service.state) {
    row.state.textContent = service.state;
    row.state.className = 'state ' + service.state;
  }
  row.tr.className = [service.state, chosen === service.name ? 'chosen' : ''].join(' ').trim();
  put(cells.restarts, String(service.restarts));
  put(row.text.cpu, service.cpu_ratio === null ? '–' : percent(service.cpu_ratio));
  put(row.text.memory, service.memory_bytes === null ? '–' : size(service.memory_bytes));
  tick(row);
}
/** What moves with time alone. */
function tick(row) {
  const { service, cells } = row;
  put(cells.uptime, service.started_at === null ? '–' : span(now() - Date.parse(service.started_at)));
  const age = service.heartbeat_age_seconds;
  put(cells.beat, age === null ? '–' : span(age * 1000 + now() - row.heardAt) + ' ago');
  const next = service.next_attempt_at === null ? '' : '; next try ' + until(service.next_attempt_at);
  const note = service.healthy === false ? 'unhealthy: ' + (service.last_probe_failure ?? 'its probe says no')
    : service.rollout ? service.rollout.detail : service.adopted ? 'adopted' : '';
  const why = service.state === 'running' ? note : service.reason + next;
  put(cells.why, why);
  if (cells.why.title !== why) cells.why.title = why;
}

const sortKeys = {
  name: (s) => s.name, state: (s) => TROUBLE.indexOf(s.state),
  uptime: (s) => (s.started_at === null ? 0 : Date.parse(s.started_at) - 1e15), restarts: (s) => s.restarts,
  cpu: (s) => s.cpu_ratio ?? -1, memory: (s) => s.memory_bytes ?? -1,
};
function order() {
  needsOrder = false;
  const text = $('filter').value.trim().toLowerCase();
  const all = [...rows.values()];
  const fits = all.filter(({ service }) =>
    service.name.toLowerCase().includes(text) && (chosenStates.size === 0 || chosenStates.has(service.state)));
  const key = sortKeys[sort.key], sign = sort.down ? -1 : 1;
  fits.sort((a, b) => {
    const x = key(a.service), y = key(b.service);
    return (x < y ? -sign : x > y ? sign : 0) || (a.place - b.place);
  });
  const body = $('rows'), wanted = fits.slice(0, ROW_LIMIT).map((row) => row.tr);
  const isSame = body.children.length === wanted.length && wanted.every((tr, i) => body.children[i] === tr);
  if (!isSame) {
    const focused = document.activeElement;
    body.replaceChildren(...wanted);
    if (focused && body.contains(focused)) focused.focus({ preventScroll: true });
  }
  const shown = new Set(fits);
  for (const row of all) row.shown = shown.has(row);
  $('table').hidden = fits.length === 0;
  $('empty').hidden = fits.length > 0;
  put($('empty'), all.length > 0 ? 'No service fits the filter.' : daemon === null ? 'Waiting for opsd…' : 'opsd supervises no services yet. Add one to its configuration, then: opsd ctl reload');
  put($('found'), fits.length + ' of ' + all.length + ' services');
  chips();
}
function chips() {
  const counts = new Map();
  for (const { service } of rows.values()) counts.set(service.state, (counts.get(service.state) ?? 0) + 1);
  for (const state of chosenStates) if (!counts.has(state)) counts.set(state, 0);
  const states = TROUBLE.filter((state) => counts.has(state));
  const box = $('states');
  for (const chip of [...box.children]) if (!states.includes(chip.dataset.state)) chip.remove();
  states.forEach((state, i) => {
    let chip = [...box.children].find((each) => each.dataset.state === state);
    if (!chip) {
      chip = node('button', undefined, 'chip');
      chip.type = 'button';
      chip.dataset.state = state;
      chip.append(node('span', state), node('b'));
      chip.onclick = () => { chosenStates.has(state) ? chosenStates.delete(state) : chosenStates.add(state); order(); };
    }
    put(chip.lastChild, String(counts.get(state)));
    chip.setAttribute('aria-pressed', String(chosenStates.has(state)));
    if (box.children[i] !== chip) box.insertBefore(chip, box.children[i] ?? null);
  });
  const failed = counts.get('failed') ?? 0, down = failed + (counts.get('backoff') ?? 0);
  document.title = (down > 0 ? '(' + down + ' down) ' : '') + 'opsd';
}

function tell(text) { put($('said'), text); }
function apply(change, place) {
  let row = rows.get(change.name);
  if (!row) {
    row = newRow(change);
    row.place = place ?? rows.size;
    rows.set(change.name, row);
    needsOrder = true;
  } else {
    const before = row.service.state;
    row.service = { ...row.service, ...change };
    if (place !== undefined) row.place = place;
    if (row.service.state !== before) {
      needsOrder = true;
      if (row.service.state === 'failed') tell(change.name + ' failed: ' + row.service.reason);
    }
  }
  if ('heartbeat_age_seconds' in change) row.heardAt = now();
  paint(row);
  if (change.name === chosen) detailDue = Math.min(detailDue || Infinity, Date.now() + 250);
}
function forget(name) {
  rows.delete(name);
  needsOrder = true;
  if (name === chosen) showDetail(null);
}

${NOTES_SCRIPT}
function connect() {
  clearTimeout(retry);
  if (source) source.close();
  source = new EventSource('/api/v1/events?of=services');
  source.addEventListener('services', (event) => {
    const status = JSON.parse(event.data);
    hear(status.at);
    daemon = status.daemon;
    groups = status.groups;
    loadRollouts();
    paintNotes();
    const known = new Set(status.services.map(({ name }) => name));
    for (const name of [...rows.keys()]) if (!known.has(name)) forget(name);
    status.services.forEach(apply);
    about();
    order();
    if (chosen) detailDue = Date.now();
  });
  source.addEventListener('changed', (event) => {
    const { at, services, removed, groups: scaled } = JSON.parse(event.data);
    hear(at);
    if (scaled) groups = scaled;
    if (scaled) paintNotes();
    if (services.some((service) => 'rollout' in service)) loadRollouts();
    for (const service of services) apply(service);
    for (const name of removed) forget(name);
    if (needsOrder || ['cpu', 'memory'].includes(sort.key)) order();
  });
  source.addEventListener('beat', (event) => hear(JSON.parse(event.data).at));
  source.onerror = () => lost();
}
function hear(at) {
  heardAt = Date.now();
  skew = heardAt - Date.parse(at);
  wait = 1000;
  document.body.classList.remove('stale');
  put($('link'), 'live');
  $('link').className = 'live';
  if (!$('banner').hidden) tell('Connected again.');
  $('banner').hidden = true;
}
function lost() {
  if (source) source.close();
  source = null;
  clearTimeout(retry);
  retry = setTimeout(connect, wait);
  wait = Math.min(wait * 2, 10000);
  if (heardAt === 0) return;
  document.body.classList.add('stale');
  put($('link'), 'disconnected');
  $('link').className = 'lost';
  put($('banner'), 'Disconnected: opsd does not answer. This is how things were at ' + new Date(heardAt).toLocaleTimeString() + '. Reconnecting…');
  $('banner').hidden = false;
}
function about() {
  if (daemon) put($('about'), 'version ' + daemon.version + ', pid ' + daemon.pid + ', up ' + span(now() - Date.parse(daemon.started_at)));
}

function showDetail(name) {
  const old = rows.get(chosen);
  chosen = name;
  if (old) paint(old);
  const row = rows.get(name);
  if (row) paint(row);
  $('detail').hidden = !name;
  document.querySelector('main').classList.toggle('split', Boolean(name));
  if (!name) {
    if (location.hash) history.replaceState(null, '', location.pathname);
    if (old && old.tr.isConnected) old.link.focus();
    return;
  }
  put($('title'), name);
  for (const id of ['evidence', 'commands', 'history']) $(id).replaceChildren();
  put($('summary'), 'Loading…');
  put($('next'), '');
  $('log').hidden = true;
  $('title').focus();
  loadDetail();
}
async function loadDetail() {
  detailDue = 0;
  const name = chosen, base = '/api/v1/services/' + encodeURIComponent(name);
  try {
    const [why, past] = await Promise.all(['/why', '/events'].map(async (path) => {
      const answer = await fetch(base + path, { signal: AbortSignal.timeout(5000) });
      const value = await answer.json();
      if (!answer.ok) throw new Error(value.error.message);
      return value;
    }));
    if (name === chosen) fillDetail(why, past.events);
  } catch (error) {
    if (name === chosen) put($('summary'), 'Cannot load: ' + error.message);
  }
}
function fillDetail(why, events) {
  const state = $('state');
  put(state, why.state);
  state.className = 'state ' + why.state;
  put($('summary'), why.summary);
  put($('next'), why.next + (why.next_at ? ' ' + until(why.next_at) : ''));
  $('evidence').replaceChildren(...why.evidence.flatMap(({ label, text }) => [node('dt', label), node('dd', text)]));
  $('commands').replaceChildren(...why.commands.map((command) => node('code', command)));
  $('helps').hidden = why.commands.length === 0;
  $('history').replaceChildren(...events.slice(-30).reverse().map((event) => {
    const item = node('li'), time = node('time', new Date(event.at).toLocaleTimeString());
    time.dateTime = event.at;
    item.append(time, event.from + ' → ' + event.to + ': ' + event.detail);
    return item;
  }));
  $('log').hidden = why.last_lines.length === 0;
  put($('lines'), why.last_lines.map(visible).join('\n'));
}
function route() {
  const found = /^#\/(.+)$/.exec(location.hash);
  const name = found ? decodeURIComponent(found[1]) : null;
  if (name !== chosen) showDetail(name);
}

$('filter').oninput = order;
$('close').onclick = () => showDetail(null);
for (const button of document.querySelectorAll('th button')) {
  button.onclick = () => {
    const key = button.dataset.key;
    sort = { key, down: sort.key === key ? !sort.down : ['cpu', 'memory', 'restarts'].includes(key) };
    for (const each of document.querySelectorAll('th[aria-sort]')) each.removeAttribute('aria-sort');
    button.parentElement.setAttribute('aria-sort', sort.down ? 'descending' : 'ascending');
    order();
  };
}
document.onkeydown = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/' && document.activeElement !== $('filter')) { event.preventDefault(); $('filter').focus(); }
  else if (event.key === 'Escape') {
    if (chosen) showDetail(null);
    else if ($('filter').value || chosenStates.size) { $('filter').value = ''; chosenStates.clear(); order(); }
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    const links = [...document.querySelectorAll('td.name a')], at = links.indexOf(document.activeElement);
    const to = links[at + (event.key === 'ArrowDown' ? 1 : -1)];
    if (at >= 0 && to) { event.preventDefault(); to.focus(); }
  }
};
addEventListener('hashchange', route);
setInterval(() => {
  if (document.body.classList.contains('stale')) return;
  for (const row of rows.values()) {
    sample(row.cpu, row.service.cpu_ratio, 0.05);
    sample(row.memory, row.service.memory_bytes, 1);
    if (row.shown) tick(row);
  }
  about();
  if (needsOrder) order();
  if (rolloutsDue && rolloutsDue <= Date.now()) loadRollouts();
  if (chosen && detailDue && detailDue <= Date.now()) loadDetail();
  if (source && heardAt && Date.now() - heardAt > SILENCE) lost();
}, 1000);
order();
connect();
route();
`;
