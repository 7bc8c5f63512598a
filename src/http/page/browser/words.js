// Elements, durations, sizes and percentages as the status page shows them. All content is set as text, never as HTML.

/** How far the clock of this browser is ahead of the clock of opsd's host, in milliseconds. */
let skew = 0;

const now = () => Date.now() - skew;

/** The API is below the address of the page, which a proxy may have put anywhere, with or without a slash at its end. */
const API = `${location.pathname.replace(/\/$/, '')}/api/v1`;

/**
 * Finds an element of page.html by its id.
 * @param {string} id
 */
function $(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`page.html has no element #${id}`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [text]
 * @param {string} [name] its class
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function node(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

/**
 * Sets a text only if it has changed: setting it makes screen readers read it again, and loses a selection.
 * @param {Element} element
 * @param {string} text
 */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Lets screen readers read a text out.
 * @param {string} text
 */
function tell(text) {
  put($('said'), text);
}

/** @param {number} ms */
function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d ${Math.floor((s % 86400) / 3600)}h`;
}

/** @param {number} bytes */
function size(bytes) {
  let unit = 'B';
  let count = bytes;
  for (const next of ['K', 'M', 'G', 'T']) {
    if (count < 1000) break;
    count /= 1024;
    unit = next;
  }
  return `${unit === 'B' || count >= 10 ? Math.round(count) : count.toFixed(1)} ${unit}`;
}

/** @param {number} ratio 1: one core busy */
function percent(ratio) {
  return `${ratio >= 1 ? Math.round(ratio * 100) : (ratio * 100).toFixed(1)} %`;
}

/** @param {string} time ISO 8601 */
function until(time) {
  return Date.parse(time) > now() ? `in ${span(Date.parse(time) - now())}` : 'now';
}

/**
 * Replaces control characters and marks that change the direction of text by visible symbols.
 * @param {string} text
 */
function visible(text) {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return char === '\t' ? char : code < 32 ? String.fromCodePoint(0x2400 + code) : `<${code.toString(16)}>`;
  });
}
