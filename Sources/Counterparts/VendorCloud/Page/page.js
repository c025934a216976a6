// What all parts of the page share: elements, requests, messages, questions, numbers and times.
import { find, language, t } from '/texts.js';

export const $ = id => document.getElementById(id);

export function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  if (className) node.className = className;
  return node;
}

/** A table row of texts and elements; a `th` in it names the row. */
export function tableRow(cells) {
  const line = element('tr');
  for (const cell of cells) line.append(cell instanceof HTMLTableCellElement ? cell : element('td', cell));
  return line;
}

export function emptyRow(text, columns) {
  const cell = element('td', text);
  cell.colSpan = columns;
  return tableRow([cell]);
}

/** `key` finds the button again after its table was drawn anew, so that the focus stays. */
export function button(text, label, key, action, className) {
  const node = element('button', text, className);
  node.type = 'button';
  node.setAttribute('aria-label', label);
  node.dataset.key = key;
  node.addEventListener('click', action);
  return node;
}

/** Replaces what is in a node and keeps the focus on the element of the same key. */
export function redraw(node, children) {
  const focused = document.activeElement?.dataset?.key;
  node.replaceChildren(...children);
  if (focused) [...node.querySelectorAll('[data-key]')].find(each => each.dataset.key === focused)?.focus();
}

export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
  }

  /** In the user's language; the server's own sentence where there is none. */
  get text() {
    const known = find('problem.' + this.title);
    if (known) return known;
    return this.message || t('problem.other', { status: this.status });
  }
}

let sessionEnded = () => {};
export function onSessionEnd(action) { sessionEnded = action; }

export async function api(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body);
  }
  let answer;
  try { answer = await fetch(path, options); } catch { throw new Problem(0, 'network', t('problem.network')); }
  if (answer.status === 204) return null;
  const json = await answer.json().catch(() => ({}));
  if (answer.ok) return json;
  if (answer.status === 401 && path !== '/api/session') sessionEnded();
  throw new Problem(answer.status, json.title || '', json.detail || '');
}

export function say(text, isBad = false) {
  const node = $('message');
  node.classList.toggle('bad', isBad);
  node.textContent = text;
}

export function sayProblem(error) { say(error instanceof Problem ? error.text : String(error), true); }

/** A question with two answers; true for the second. Escape means no. */
export function ask(text, yes) {
  const dialog = $('ask'), before = document.activeElement;
  $('ask-text').textContent = text;
  $('ask-yes').textContent = yes;
  dialog.returnValue = 'no';
  dialog.showModal();
  $('ask-no').focus();
  return new Promise(resolve => dialog.addEventListener('close', () => {
    if (before?.isConnected) before.focus();
    resolve(dialog.returnValue === 'yes');
  }, { once: true }));
}

export function when(time) {
  if (!time) return t('none');
  return new Date(time).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' });
}

export function number(value, digits = 0) {
  return value.toLocaleString(language, { maximumFractionDigits: digits });
}

export function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let index = 0;
  while (count >= 1024 && index < units.length - 1) { count /= 1024; index += 1; }
  return number(count, index ? 1 : 0) + ' ' + units[index];
}

export function duration(seconds) {
  const hours = Math.floor(seconds / 3600), minutes = Math.floor(seconds / 60) % 60, rest = Math.floor(seconds) % 60;
  const two = value => String(value).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
