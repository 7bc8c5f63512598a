// The panel of one service: summary, evidence, commands that help, last lines of output, history.

/** @typedef {import('../../../api/why.ts').WhyView} WhyView */
/** @typedef {import('../../../api/events.ts').EventView} EventView */

const HISTORY = 30;
/** The service whose panel is open. @type {string | null} */
let chosen = null;
/** When to load the panel again (ms); 0: not before its service changes. */
let detailDue = 0;

/** @param {string | null} name null: close the panel */
function showDetail(name) {
  const old = rows.get(chosen ?? '');
  chosen = name;
  if (old) paint(old);
  const row = rows.get(name ?? '');
  if (row) paint(row);
  $('detail').hidden = name === null;
  document.querySelector('main')?.classList.toggle('split', name !== null);
  if (name === null) {
    if (location.hash) history.replaceState(null, '', location.pathname);
    if (old?.tr.isConnected) old.link.focus();
    return;
  }
  put($('title'), name);
  for (const id of ['evidence', 'commands', 'history']) $(id).replaceChildren();
  put($('summary'), 'Loading…');
  put($('next'), '');
  $('log').hidden = true;
  $('title').focus();
  loadDetail(name);
}

/** @param {string} name */
async function loadDetail(name) {
  detailDue = 0;
  const base = `${API}/services/${encodeURIComponent(name)}`;
  try {
    const [why, past] = await Promise.all([load(`${base}/why`), load(`${base}/events`)]);
    if (name === chosen) fillDetail(why, past.events);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (name === chosen) put($('summary'), `Cannot load: ${message}`);
  }
}

/** @param {string} path */
async function load(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(5000) });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error.message);
  return value;
}

/**
 * @param {WhyView} why
 * @param {readonly EventView[]} events
 */
function fillDetail(why, events) {
  const state = $('state');
  put(state, why.state);
  state.className = `state ${why.state}`;
  put($('summary'), why.summary);
  put($('next'), why.next + (why.next_at ? ` ${until(why.next_at)}` : ''));
  const facts = why.evidence.filter(({ at }) => at === undefined);
  $('evidence').replaceChildren(...facts.flatMap(({ label, text }) => [node('dt', label), node('dd', text)]));
  $('commands').replaceChildren(...why.commands.map((command) => node('code', command)));
  $('helps').hidden = why.commands.length === 0;
  $('history').replaceChildren(...events.slice(-HISTORY).reverse().map(historyItem));
  $('log').hidden = why.last_lines.length === 0;
  put($('lines'), why.last_lines.map(visible).join('\n'));
}

/**
 * The local time of the host, as its log has it: `Nov 28 16:10:00.123`, of today without the day.
 * @param {string} at ISO 8601
 */
function timeOnHost(at) {
  const offset = (daemon?.utc_offset_minutes ?? 0) * 60_000;
  const [, day, month, , time] = new Date(Date.parse(at) + offset).toUTCString().split(/,? /);
  const [, today, thisMonth] = new Date(now() + offset).toUTCString().split(/,? /);
  const millis = at.slice(-5, -1);
  return `${day === today && month === thisMonth ? '' : `${month} ${day} `}${time}${millis}`;
}

/** @param {EventView} event */
function historyItem({ at, from, to, detail }) {
  const item = node('li');
  const time = node('time', timeOnHost(at));
  time.dateTime = at;
  item.append(time, `${from} → ${to}: ${detail}`);
  return item;
}

/** Opens the panel that the address names (`#/web`). */
function route() {
  const found = /^#\/(.+)$/.exec(location.hash);
  const name = found?.[1] === undefined ? null : decodeURIComponent(found[1]);
  if (name !== chosen) showDetail(name);
}
