// The notes above the table: refused files, rollouts that are not over, groups with another number of instances than in the file.

/** @typedef {import('../../../api/rollouts.ts').RolloutView} RolloutView */
/** @typedef {import('../../../api/services.ts').GroupView} GroupView */
/** @typedef {import('../../../api/services.ts').RefusedFilesView} RefusedFilesView */

const ROLLOUT_LOOKS = 5000;
/** @type {readonly GroupView[]} */
let groups = [];
/** @type {RefusedFilesView | null} */
let refused = null;
/** @type {readonly RolloutView[]} */
let rollouts = [];
let rolloutsDue = 0;

async function loadRollouts() {
  rolloutsDue = 0;
  try {
    const answer = await fetch(`${API}/rollouts`, { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const known = new Set(rollouts.map(({ service }) => service));
    const stopped = new Set(rollouts.filter(({ state }) => state === 'stopped').map(({ service }) => service));
    const all = /** @type {{ rollouts: readonly RolloutView[] }} */ (await answer.json()).rollouts;
    rollouts = all.filter(({ state }) => state !== 'done');
    for (const { service, state } of rollouts) {
      if (state === 'stopped' && known.has(service) && !stopped.has(service)) {
        tell(`The rollout of ${service} stopped.`);
      }
    }
    if (rollouts.length > 0) rolloutsDue = Date.now() + ROLLOUT_LOOKS;
    paintNotes();
  } catch {
    rolloutsDue = Date.now() + ROLLOUT_LOOKS;
  }
}

/**
 * Marks the commands in a text as code.
 * @param {string} text
 * @param {string} look the command to add where the text has none
 */
function noteText(text, look) {
  const parts = text.split(/(opsd ctl [^,;]+)/);
  if (parts.length === 1) return [`${text} `, node('code', look)];
  return parts.map((part, i) => (i % 2 === 1 ? node('code', part) : part));
}

/** @param {RolloutView} rollout */
function noteOfRollout({ service, kind, direction, state, detail, failure, services }) {
  const what = kind === 'restart' ? 'rolling restart' : direction === 'back' ? 'rollback' : 'change';
  const turns = services.filter(({ turn }) => ['waiting', 'under way', 'done'].includes(turn));
  const done = turns.filter(({ turn }) => turn === 'done').length;
  const why = failure && !detail.includes(failure) ? `, because ${failure}` : '';
  const far = state === 'going' ? `${done} of ${turns.length} done; ` : '';
  const item = node('li');
  item.append(
    node('b', service),
    node(
      'span',
      `${what} ${state === 'going' ? 'in progress' : state}`,
      `state ${state === 'going' ? 'starting' : 'failed'}`,
    ),
    ...noteText(visible(far + detail.replace(/^stopped, /, '') + why), `opsd ctl rollout status ${service}`),
  );
  return item;
}

/** @param {GroupView} group */
function noteOfScale({ name, instances, configured }) {
  const item = node('li');
  item.append(
    node('b', name),
    node('span', 'scaled', 'state'),
    `instances: ${instances} of ${configured} in the file `,
    node('code', `opsd ctl scale ${name} --reset`),
  );
  return item;
}

/** @param {RefusedFilesView} files */
function noteOfRefused({ problems, count }) {
  const item = node('li');
  const first = problems[0] ?? '';
  const more = count > 1 ? `, and ${count - 1} more` : '';
  item.append(
    node('b', 'configuration'),
    node('span', 'refused', 'state failed'),
    `the one before stays in force: ${visible(first)}${more} `,
    node('code', 'opsd check'),
  );
  return item;
}

function paintNotes() {
  const scaled = groups.filter(({ instances, configured }) => instances !== configured);
  const files = refused === null ? [] : [noteOfRefused(refused)];
  const items = [...files, ...rollouts.map(noteOfRollout), ...scaled.map(noteOfScale)];
  const list = $('noted');
  const isSame =
    items.length === list.children.length && items.every((item, i) => item.isEqualNode(list.children[i] ?? null));
  if (!isSame) list.replaceChildren(...items);
  $('notes').hidden = items.length === 0;
}
