// The keys, the buttons and the clock of the status page. The last script: it starts the page.

filterInput().oninput = order;
$('close').onclick = () => showDetail(null);
for (const button of document.querySelectorAll('th button')) {
  if (button instanceof HTMLElement) button.onclick = () => sortBy(button);
}

document.onkeydown = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const filter = filterInput();
  if (event.key === '/' && document.activeElement !== filter) {
    event.preventDefault();
    filter.focus();
  } else if (event.key === 'Escape') {
    if (chosen !== null) showDetail(null);
    else if (filter.value !== '' || chosenStates.size > 0) {
      filter.value = '';
      chosenStates.clear();
      order();
    }
  } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') moveFocus(event);
};

/**
 * Moves the focus from the name of one service to the next.
 * @param {KeyboardEvent} event
 */
function moveFocus(event) {
  const links = [...document.querySelectorAll('td.name a')];
  const at = document.activeElement === null ? -1 : links.indexOf(document.activeElement);
  const to = links[at + (event.key === 'ArrowDown' ? 1 : -1)];
  if (at < 0 || !(to instanceof HTMLElement)) return;
  event.preventDefault();
  to.focus();
}

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
  if (rolloutsDue > 0 && rolloutsDue <= Date.now()) loadRollouts();
  if (chosen !== null && detailDue > 0 && detailDue <= Date.now()) loadDetail(chosen);
  if (heardAt === 0 && Date.now() - openedAt > FIRST_WAIT) {
    openedAt = Date.now();
    tellOfNothing();
  }
  if (source !== null && heardAt > 0 && Date.now() - heardAt > SILENCE) lost();
}, 1000);

let openedAt = Date.now();
order();
connect();
route();
