// The event stream from opsd: updates of services, and the banner while the connection is lost.

/** @typedef {import('../../../api/services.ts').StatusView} StatusView */
/** @typedef {import('../../streams/status-feed.ts').StatusChanges} StatusChanges */

/** opsd sends an event at least every 10 s; longer silence means that the connection is lost. */
const SILENCE = 25000;
const LONGEST_WAIT = 10000;
/** So long the first data may take. */
const FIRST_WAIT = 5000;
/** @type {EventSource | null} */
let source = null;
let heardAt = 0;
let wait = 1000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;

function connect() {
  clearTimeout(retry);
  source?.close();
  source = new EventSource(`${API}/events?of=services`);
  source.addEventListener('services', ({ data }) => onServices(JSON.parse(data)));
  source.addEventListener('changed', ({ data }) => onChanged(JSON.parse(data)));
  source.addEventListener('beat', ({ data }) => hear(JSON.parse(data).at));
  source.onerror = () => lost();
}

/** @param {StatusView & { readonly at: string }} status all services */
function onServices(status) {
  hear(status.at);
  daemon = status.daemon;
  groups = status.groups;
  refused = status.refused;
  loadRollouts();
  paintNotes();
  const known = new Set(status.services.map(({ name }) => name));
  for (const name of [...rows.keys()]) if (!known.has(name)) forget(name);
  status.services.forEach(apply);
  about();
  order();
  if (chosen !== null) detailDue = Date.now();
}

/** @param {StatusChanges & { readonly at: string }} changes */
function onChanged({ at, services, removed, groups: scaled, refused: files }) {
  hear(at);
  if (scaled) groups = scaled;
  if (files !== undefined) refused = files;
  if (scaled || files !== undefined) paintNotes();
  if (services.some((service) => 'rollout' in service)) loadRollouts();
  for (const service of services) apply(service);
  for (const name of removed) forget(name);
  if (needsOrder || ['cpu', 'memory'].includes(sort.key)) order();
}

/** @param {string} at opsd's time, ISO 8601 */
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
  source?.close();
  source = null;
  clearTimeout(retry);
  retry = setTimeout(connect, wait);
  wait = Math.min(wait * 2, LONGEST_WAIT);
  if (heardAt === 0) return void tellOfNothing();
  document.body.classList.add('stale');
  put($('link'), 'disconnected');
  $('link').className = 'lost';
  const time = new Date(heardAt).toLocaleTimeString();
  put($('banner'), `Disconnected: opsd does not answer. This is how things were at ${time}. Reconnecting…`);
  $('banner').hidden = false;
}

/** Nothing came yet: says so, and what stands in between. */
async function tellOfNothing() {
  let why = `nothing answers at ${API}/`;
  try {
    const answer = await fetch(`${API}/services`, { signal: AbortSignal.timeout(5000) });
    const isOurs = answer.headers.get('content-type')?.startsWith('application/json');
    if (answer.ok && isOurs) {
      why =
        'opsd answers, but its stream of events does not come through: a proxy must not buffer it (nginx: proxy_buffering off)';
    } else
      why = `${API}/services answers with ${answer.ok ? 'something else' : answer.status}: see what the proxy passes to opsd`;
  } catch {}
  if (heardAt !== 0) return;
  put($('link'), 'no data');
  $('link').className = 'lost';
  put($('empty'), 'There is no data yet.');
  put($('banner'), `This page gets no data: ${why}. Trying again…`);
  $('banner').hidden = false;
}

function about() {
  if (daemon === null) return;
  const { host, version, pid, started_at } = daemon;
  put($('about'), `on ${host}, version ${version}, pid ${pid}, up ${span(now() - Date.parse(started_at))}`);
}
