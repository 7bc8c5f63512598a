// The table of services: its rows, their order, and the filters above it.

/** @typedef {import('../../../api/services.ts').ServiceView} ServiceView */
/** @typedef {import('../../../api/services.ts').DaemonView} DaemonView */
/** @typedef {import('../../../core/model/states.ts').StateName} StateName */
/** @typedef {import('../../streams/status-feed.ts').ServiceChange} ServiceChange */
/** @typedef {'name' | 'state' | 'uptime' | 'restarts' | 'cpu' | 'memory'} SortKey */
/**
 * @typedef {object} Row
 * @property {ServiceView} service
 * @property {number} place in the order of the configuration
 * @property {HTMLTableRowElement} tr
 * @property {Readonly<Record<'uptime' | 'restarts' | 'beat' | 'why', HTMLTableCellElement>>} cells
 * @property {HTMLAnchorElement} link
 * @property {HTMLSpanElement} state
 * @property {Spark} cpu
 * @property {Spark} memory
 * @property {{ cpu: HTMLSpanElement, memory: HTMLSpanElement }} text
 * @property {number} heardAt when opsd last sent the age of the heartbeat
 * @property {boolean} shown
 */

const ROW_LIMIT = 5000;
/** The order of the states: the one that needs an operator most comes first. @type {Readonly<Record<StateName, number>>} */
const TROUBLE = {
  failed: 0,
  killing: 1,
  backoff: 2,
  stopping: 3,
  waiting: 4,
  starting: 5,
  running: 6,
  stopped: 7,
  exited: 8,
};
const STATES = /** @type {readonly StateName[]} */ (Object.keys(TROUBLE));
/** @type {Readonly<Record<SortKey, (service: ServiceView) => string | number>>} */
const SORT_KEYS = {
  name: ({ name }) => name,
  state: ({ state }) => TROUBLE[state],
  uptime: ({ started_at }) => (started_at === null ? 0 : Date.parse(started_at) - 1e15),
  restarts: ({ restarts }) => restarts,
  cpu: ({ cpu_ratio }) => cpu_ratio ?? -1,
  memory: ({ memory_bytes }) => memory_bytes ?? -1,
};
/** Columns whose largest value comes first. */
const LARGEST_FIRST = ['cpu', 'memory', 'restarts'];

/** @type {Map<string, Row>} */
const rows = new Map();
/** @type {Set<StateName>} */
const chosenStates = new Set();
/** @type {DaemonView | null} */
let daemon = null;
/** @type {{ key: SortKey, down: boolean }} */
let sort = { key: 'state', down: false };
let needsOrder = true;

/** @returns {HTMLInputElement} */
function filterInput() {
  const input = $('filter');
  if (input instanceof HTMLInputElement) return input;
  throw new Error('#filter of page.html is no input');
}

/**
 * @param {ServiceView} service
 * @param {number} place
 * @returns {Row}
 */
function newRow(service, place) {
  const tr = node('tr');
  /** @param {string} [name] */
  const cell = (name) => {
    const made = node('td', undefined, name);
    tr.append(made);
    return made;
  };
  const link = node('a', service.name);
  link.href = `#/${encodeURIComponent(service.name)}`;
  cell('name').append(link);
  const state = node('span', '', 'state');
  cell().append(state);
  const uptime = cell('num narrow');
  const restarts = cell('num narrow');
  const cpu = spark();
  const memory = spark();
  const text = { cpu: node('span'), memory: node('span') };
  cell('num').append(cpu.svg, text.cpu);
  cell('num').append(memory.svg, text.memory);
  const cells = { uptime, restarts, beat: cell('num wide'), why: cell('why') };
  return { service, place, tr, cells, link, state, cpu, memory, text, heardAt: now(), shown: false };
}

/** @param {Row} row */
function paint(row) {
  const { service, cells } = row;
  row.tr.className = [service.state, chosen === service.name ? 'chosen' : ''].join(' ').trim();
  put(cells.restarts, String(service.restarts));
  put(row.text.cpu, service.cpu_ratio === null ? '–' : percent(service.cpu_ratio));
  put(row.text.memory, service.memory_bytes === null ? '–' : size(service.memory_bytes));
  tick(row);
}

/**
 * Updates the cells that change with time.
 * @param {Row} row
 */
function tick(row) {
  const { service, cells } = row;
  const { unstable_until: stableAt } = service;
  const unstable = stableAt !== null && Date.parse(stableAt) > now();
  const word = unstable ? 'unstable' : service.state;
  if (row.state.textContent !== word) {
    row.state.textContent = word;
    row.state.className = `state ${unstable ? 'backoff' : service.state}`;
  }
  put(cells.uptime, service.started_at === null ? '–' : span(now() - Date.parse(service.started_at)));
  const age = service.heartbeat_age_seconds;
  put(cells.beat, age === null ? '–' : `${span(age * 1000 + now() - row.heardAt)} ago`);
  const what = service.state === 'backoff' || service.state === 'failed' ? 'next try' : 'next run';
  const next = service.next_attempt_at === null ? '' : `; ${what} ${until(service.next_attempt_at)}`;
  const why = service.state === 'running' ? noteOf(service, unstable) : service.reason + next;
  put(cells.why, why);
  if (cells.why.title !== why) cells.why.title = why;
}

/**
 * The note of a running service: unhealthy, unstable, its rollout, or adopted.
 * @param {ServiceView} service
 * @param {boolean} unstable
 */
function noteOf(
  { healthy, last_probe_failure, rollout, adopted, failures_in_a_row: failures, unstable_until: stableAt },
  unstable,
) {
  if (healthy === false) return `unhealthy: ${last_probe_failure ?? 'its health probe fails'}`;
  if (unstable && stableAt !== null) {
    return `${failures === 0 ? 'failed before' : `failures in a row: ${failures}`}; stable ${until(stableAt)}`;
  }
  if (rollout) return rollout.detail;
  return adopted ? 'adopted' : '';
}

/** Shows the rows that pass the filters, sorted. */
function order() {
  needsOrder = false;
  const text = filterInput().value.trim().toLowerCase();
  const all = [...rows.values()];
  const fits = all.filter(
    ({ service }) =>
      service.name.toLowerCase().includes(text) && (chosenStates.size === 0 || chosenStates.has(service.state)),
  );
  const key = SORT_KEYS[sort.key];
  const sign = sort.down ? -1 : 1;
  fits.sort((a, b) => {
    const x = key(a.service);
    const y = key(b.service);
    return (x < y ? -sign : x > y ? sign : 0) || a.place - b.place;
  });
  const body = $('rows');
  const wanted = fits.slice(0, ROW_LIMIT).map(({ tr }) => tr);
  const isSame = body.children.length === wanted.length && wanted.every((tr, i) => body.children[i] === tr);
  if (!isSame) {
    const focused = document.activeElement;
    body.replaceChildren(...wanted);
    if (focused instanceof HTMLElement && body.contains(focused)) focused.focus({ preventScroll: true });
  }
  const shown = new Set(fits);
  for (const row of all) row.shown = shown.has(row);
  $('table').hidden = fits.length === 0;
  $('empty').hidden = fits.length > 0;
  put($('empty'), whyEmpty(all.length));
  put($('found'), `${fits.length} of ${all.length} services`);
  chips();
}

/** @param {number} services how many there are */
function whyEmpty(services) {
  if (services > 0) return 'No service fits the filter.';
  if (daemon === null) return 'Waiting for opsd…';
  return 'opsd supervises no services yet. Add one to its configuration, then: opsd ctl reload';
}

/** Makes a filter button for each state that a service is in. */
function chips() {
  /** @type {Map<StateName, number>} */
  const counts = new Map();
  for (const { service } of rows.values()) counts.set(service.state, (counts.get(service.state) ?? 0) + 1);
  for (const state of chosenStates) if (!counts.has(state)) counts.set(state, 0);
  const states = STATES.filter((state) => counts.has(state));
  const box = $('states');
  const old = new Map([...box.querySelectorAll('button')].map((chip) => [chip.dataset.state ?? '', chip]));
  for (const [state, chip] of old) if (!states.some((known) => known === state)) chip.remove();
  states.forEach((state, i) => {
    const chip = old.get(state) ?? newChip(state);
    const count = chip.lastElementChild;
    if (count) put(count, String(counts.get(state)));
    chip.setAttribute('aria-pressed', String(chosenStates.has(state)));
    if (box.children[i] !== chip) box.insertBefore(chip, box.children[i] ?? null);
  });
  const down = (counts.get('failed') ?? 0) + (counts.get('backoff') ?? 0);
  document.title = `${down > 0 ? `(${down} down) ` : ''}opsd${daemon === null ? '' : ` on ${daemon.host}`}`;
}

/** @param {StateName} state */
function newChip(state) {
  const chip = node('button', undefined, 'chip');
  chip.type = 'button';
  chip.dataset.state = state;
  chip.append(node('span', state), node('b'));
  chip.onclick = () => {
    if (!chosenStates.delete(state)) chosenStates.add(state);
    order();
  };
  return chip;
}

/** @param {HTMLElement} button of a column */
function sortBy(button) {
  const key = /** @type {SortKey} */ (button.dataset.key);
  sort = { key, down: sort.key === key ? !sort.down : LARGEST_FIRST.includes(key) };
  for (const each of document.querySelectorAll('th[aria-sort]')) each.removeAttribute('aria-sort');
  button.parentElement?.setAttribute('aria-sort', sort.down ? 'descending' : 'ascending');
  order();
}

/**
 * Adds a service or updates some of its fields.
 * @param {ServiceChange} change for a new service all its fields
 * @param {number} [place]
 */
function apply(change, place) {
  let row = rows.get(change.name);
  if (row === undefined) {
    row = newRow(/** @type {ServiceView} */ (change), place ?? rows.size);
    rows.set(change.name, row);
    needsOrder = true;
  } else {
    const before = row.service.state;
    row.service = { ...row.service, ...change };
    if (place !== undefined) row.place = place;
    if (row.service.state !== before) {
      needsOrder = true;
      if (row.service.state === 'failed') tell(`${change.name} failed: ${row.service.reason}`);
    }
  }
  if ('heartbeat_age_seconds' in change) row.heardAt = now();
  paint(row);
  if (change.name === chosen) detailDue = Math.min(detailDue || Number.POSITIVE_INFINITY, Date.now() + 250);
}

/** @param {string} name */
function forget(name) {
  rows.delete(name);
  needsOrder = true;
  if (name === chosen) showDetail(null);
}
