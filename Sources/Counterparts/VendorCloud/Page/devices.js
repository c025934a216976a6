// The list of appliances, and the page of one of them.
import { t, find } from '/texts.js';
import { $, api, ask, button, bytes, duration, element, emptyRow, Problem, redraw, say, sayProblem, tableRow, when } from '/page.js';
import { draw, plan, uptime } from '/charts.js';
import { CallStore, download, search, table } from '/calls.js';

const states = ['paired', 'waiting-with-token', 'maintenance-needed', 'error', 'unknown'];
const rowsPerPage = 50, callsPerPage = 100;
const editions = { next: { users: 40, calls: 40 }, flex: { users: 250, devices: 500, calls: 48 }, tryout: { users: 3, days: 14 } };
const columns = [['name', 'devices.name', 'name'], ['serial', 'devices.serial', 'serial'], ['firstRegistration', 'devices.registration', 'firstRegistration'],
  ['state', 'devices.state', 'state'], ['licences', 'devices.licences', 'licences'], ['registrationStatus', 'devices.status', 'registrationStatus']];

let session = null, list = [], drawn = '', page = 0, order = { by: null, up: true };
let shown = null, tab = 'monitoring', history = null, store = null, opening = null, stream = null, waiting = [], records = [], limit = callsPerPage, note = null;

const may = right => session?.rights.includes(right);
const base = serial => '/api/devices/' + encodeURIComponent(serial);
const shownDevice = () => list.find(device => device.serial === shown);

export function start(user) {
  session = user;
  drawn = '';
  $('add').hidden = !may('change-devices');
  for (const node of document.querySelectorAll('[data-right]')) node.hidden = !may(node.dataset.right);
}

export function stop() {
  closeStream();
  [session, list, drawn, shown, history, records] = [null, [], '', null, null, []];
  store?.database.close();
  store = opening = null;
  for (const id of ['devices-body', 'calls-body', 'charts', 'backups-body', 'licences', 'device-state']) $(id).replaceChildren();
}

// --- the list

export async function refresh() {
  if (!session) return;
  try {
    list = (await api('GET', '/api/devices')).devices;
    const now = JSON.stringify(list);
    if (now === drawn) return;
    drawn = now;
    drawList();
    drawState();
  } catch (error) { if (session) say(t('devices.unread', { reason: error instanceof Problem ? error.text : error }), true); }
}

/** In another language, or after a change of what is looked for. */
export function drawAgain() {
  drawFilters();
  drawList();
  drawState();
  drawCharts();
  drawCalls();
  if (shown && tab === 'backups') backups();
}

function drawFilters() {
  for (const [id, first, keys] of [['state-filter', 'devices.all', states.map(s => [s, 'state.' + s])],
    ['calls-direction', 'calls.any', ['incoming', 'outgoing', 'internal'].map(d => [d, 'calls.' + d])]]) {
    const chosen = $(id).value;
    $(id).replaceChildren(new Option(t(first), ''), ...keys.map(([value, key]) => new Option(t(key), value)));
    $(id).value = chosen;
  }
  const head = columns.map(([key, text]) => {
    const cell = element('th');
    cell.scope = 'col';
    if (order.by === key) cell.setAttribute('aria-sort', order.up ? 'ascending' : 'descending');
    const sort = element('button', t(text));
    sort.type = 'button';
    sort.dataset.key = 'sort ' + key;
    sort.addEventListener('click', () => {
      order = { by: key, up: order.by === key ? !order.up : true };
      drawFilters();
      drawList();
    });
    cell.append(sort);
    return cell;
  });
  const last = element('th', t('actions'));
  last.scope = 'col';
  redraw($('devices-head'), [...head, last]);
}

function found() {
  const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean), state = $('state-filter').value;
  const matching = list.filter(device => (!state || device.state === state)
    && words.every(word => (device.name + '\n' + device.serial).toLowerCase().includes(word)));
  if (!order.by) return matching;
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;
  return matching.sort((a, b) => compare(a[order.by] ?? '', b[order.by] ?? '') * (order.up ? 1 : -1));
}

function drawList() {
  const matching = found(), pages = Math.max(1, Math.ceil(matching.length / rowsPerPage));
  page = Math.min(page, pages - 1);
  const rows = matching.slice(page * rowsPerPage, (page + 1) * rowsPerPage).map(deviceRow);
  if (!rows.length) rows.push(emptyRow(t(list.length ? 'devices.noMatch' : 'devices.empty'), columns.length + 1));
  redraw($('devices-body'), rows);
  $('devices-count').textContent = t('devices.count', { shown: matching.length, all: list.length });
  $('devices-pages').hidden = pages < 2;
  $('page-now').textContent = t('page.now', { page: page + 1, pages });
  $('page-back').disabled = page === 0;
  $('page-on').disabled = page >= pages - 1;
}

function stateCell(device, tag = 'td') {
  const cell = element(tag);
  cell.append(element('span', t('state.' + device.state), 'state ' + device.state), element('span', find('reason.' + device.reason) || device.detail, 'hint'));
  if (device.code) cell.append(element('span', device.code, 'code'), element('span', t('devices.validUntil', { time: when(device.codeExpiresAt) }), 'hint'));
  return cell;
}

function deviceRow(device) {
  const name = element('th', device.name), actions = element('td', null, 'actions');
  name.scope = 'row';
  const link = element('a', t('devices.show'));
  link.href = '#/device/' + encodeURIComponent(device.serial) + '/monitoring';
  link.dataset.key = 'show ' + device.serial;
  link.setAttribute('aria-label', t('devices.showThis', { name: device.name }));
  actions.append(link);
  if (may('change-devices')) {
    if (device.state !== 'paired' && device.state !== 'maintenance-needed') {
      actions.append(button(t('devices.code'), t('devices.codeThis', { name: device.name }), 'code ' + device.serial, () => add(device.serial, device.name)));
    }
    actions.append(button(t('devices.remove'), t('devices.removeThis', { name: device.name }), 'remove ' + device.serial, () => remove(device)));
  }
  const line = tableRow([name, device.serial, when(device.firstRegistration), stateCell(device), device.licences || t('none'),
    t('status.' + device.registrationStatus), actions]);
  line.dataset.serial = device.serial;
  return line;
}

async function add(serial, name) {
  if (!serial || !name) { say(t('devices.missing'), true); return false; }
  try {
    const device = await api('POST', '/api/devices', { serial, name });
    say(t('devices.codeIs', { name: device.name, code: device.code }));
    return true;
  } catch (error) { sayProblem(error); return false; } finally { refresh(); }
}

async function remove(device) {
  if (!await ask(t('devices.removeAsk', { name: device.name }), t('devices.remove'))) return;
  try {
    await api('DELETE', base(device.serial));
    say(t('devices.removed', { name: device.name }));
    $('devices-title').focus();
  } catch (error) { sayProblem(error); }
  refresh();
}

// --- one appliance

export async function show(serial, which) {
  if (shown !== serial) {
    closeStream();
    [shown, history, records, limit, note] = [serial, null, [], callsPerPage, null];
    $('charts').replaceChildren();
  }
  tab = which;
  if (!list.length) await refresh();
  for (const link of document.querySelectorAll('[data-tab]')) {
    link.href = '#/device/' + encodeURIComponent(serial) + '/' + link.dataset.tab;
    if (link.dataset.tab === tab) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
    $('tab-' + link.dataset.tab).hidden = link.dataset.tab !== tab;
  }
  drawState();
  if (may('read-call-data')) openStream();
  if (tab === 'monitoring') monitoring();
  if (tab === 'calls') loadCalls();
  if (tab === 'backups') backups();
}

export function leave() {
  closeStream();
  shown = null;
}

function drawState() {
  if (!shown) return;
  const device = shownDevice();
  $('device-title').textContent = device ? device.name : shown;
  if (!device) { $('device-state').replaceChildren(element('p', t('device.gone'))); return; }
  const facts = element('dl', null, 'facts');
  const fact = (key, value) => facts.append(element('dt', t(key)), value instanceof Node ? value : element('dd', value));
  fact('devices.serial', device.serial);
  fact('devices.registration', when(device.firstRegistration));
  fact('devices.state', stateCell(device, 'dd'));
  fact('devices.status', t('status.' + device.registrationStatus));
  $('device-state').replaceChildren(facts);
  drawLicences(device);
}

function drawLicences(device) {
  const nodes = [], fact = (key, value) => nodes.push(element('dt', t(key)), element('dd', value));
  const state = device.deviceState;
  if (!state) nodes.push(element('dt', t('licences.edition')), element('dd', device.licences || t('licences.unknown')));
  else {
    const edition = editions[state.edition] || {};
    fact('licences.edition', state.edition);
    fact('licences.model', state.model);
    fact('licences.firmware', state.firmwareVersion);
    fact('licences.users', edition.users ? t('licences.used', { used: state.registeredUsers, limit: edition.users }) : String(state.registeredUsers));
    if (edition.devices) fact('licences.devices', String(edition.devices));
    fact('licences.calls', edition.calls ? t('licences.active', { used: state.activeCalls, limit: edition.calls }) : String(state.activeCalls));
    if (edition.days) fact('licences.period', t('licences.days', { days: edition.days }));
    fact('licences.services', state.services.length ? state.services.map(name => find('switch.' + name) ?? name).join(', ') : t('licences.none'));
  }
  $('licences').replaceChildren(...nodes);
}

export async function monitoring() {
  if (!shown || tab !== 'monitoring') return;
  const serial = shown;
  try {
    const answer = await api('GET', base(serial) + '/history');
    if (serial !== shown) return;
    history = merge(history, answer);
  } catch (error) {
    if (serial !== shown) return;
    if (!(error instanceof Problem) || error.status !== 404) return sayProblem(error);
    history = null;
  }
  drawCharts();
}

/** The server thins out what is older; what this page has seen itself it keeps while it is open. */
function merge(kept, come) {
  if (!kept) return come;
  const key = series => series.name + JSON.stringify(series.attributes), oldest = Date.now() - 86_400_000;
  const times = [...new Set([...kept.times, ...come.times])].filter(time => time >= oldest).sort((a, b) => a - b);
  const series = come.series.map(each => {
    const old = kept.series.find(other => key(other) === key(each));
    const at = new Map(old ? kept.times.map((time, index) => [time, old.values[index]]) : []);
    come.times.forEach((time, index) => at.set(time, each.values[index]));
    return { ...each, values: times.map(time => at.get(time) ?? null) };
  });
  return { ...come, times, series };
}

function drawCharts() {
  if (!shown) return;
  const last = history?.times[history.times.length - 1];
  const running = last && uptime(history);
  $('charts-note').textContent = last
    ? [t('charts.at', { time: new Date(last).toLocaleTimeString(document.documentElement.lang) }), running ? t('charts.uptime', { time: duration(running) }) : ''].join(' ')
    : t('charts.none');
  $('charts').replaceChildren(...(last ? plan(history).map(chart => draw(chart, history.times, Number($('range').value), Date.now())) : []));
}

// --- call data

/** This account's store, opened once. */
function calls() {
  opening ??= CallStore.open(session.login).then(opened => (store = opened));
  return opening;
}

async function openStream() {
  if (stream || !shown) return;
  const serial = shown;
  try {
    const after = await (await calls()).cursor(serial);
    if (serial !== shown || stream) return;
    stream = new EventSource(base(serial) + '/calls?after=' + after);
    note = ['calls.connecting'];
    stream.addEventListener('open', () => setNote(['calls.live']));
    stream.addEventListener('call', event => {
      waiting.push(JSON.parse(event.data));
      if (waiting.length === 1) setTimeout(() => keep(serial), 100);
    });
    stream.addEventListener('problem', event => {
      const problem = JSON.parse(event.data);
      setNote(['calls.waiting', { reason: new Problem(problem.status, problem.title, problem.detail).text }]);
    });
    stream.addEventListener('error', () => {
      if (stream?.readyState !== EventSource.CLOSED) return;
      // Refused before it began (not paired, for one): the browser does not try again by itself.
      closeStream();
      setNote(['calls.waiting', { reason: find('problem.Unavailable') || t('status.offline') }]);
      setTimeout(() => { if (shown === serial) openStream(); }, 5000);
    });
  } catch (error) { setNote(['calls.unstored', { reason: error }]); }
}

function closeStream() {
  stream?.close();
  stream = null;
  waiting = [];
}

async function keep(serial) {
  const come = waiting;
  waiting = [];
  try {
    await (await calls()).put(serial, come);
    if (serial === shown && tab === 'calls') loadCalls();
  } catch (error) { setNote(['calls.unstored', { reason: error }]); }
}

function setNote(text) {
  note = text;
  $('calls-note').textContent = t(...text);
}

async function loadCalls() {
  const serial = shown;
  try {
    const all = await (await calls()).all(serial);
    if (serial !== shown) return;
    records = all;
  } catch (error) { setNote(['calls.unstored', { reason: error }]); }
  drawCalls();
}

function foundCalls() {
  return search(records, { text: $('calls-text').value, direction: $('calls-direction').value, from: $('calls-from').value, to: $('calls-to').value });
}

function drawCalls() {
  if (note) $('calls-note').textContent = t(...note);
  const matching = foundCalls();
  $('calls-count').textContent = t('calls.count', { found: matching.length, all: records.length });
  $('calls-export').disabled = !matching.length;
  $('calls-clear').disabled = !records.length;
  $('calls-more').hidden = matching.length <= limit;
  $('calls-body').replaceChildren(...matching.slice(0, limit).map(record => tableRow([
    when(record.startDate), t('calls.' + record.direction), [record.userNumber, record.userName].filter(Boolean).join(' '),
    [record.externalPhoneNumber || record.connectedUserNumber, record.externalName || record.connectedUserName].filter(Boolean).join(' '),
    duration(record.length), t(record.success ? 'yes' : 'no')])));
}

function exportCalls() {
  const matching = foundCalls();
  download(`calls-${shown}.csv`, table(matching));
  say(t('calls.exported', { count: matching.length }));
}

async function clearCalls() {
  if (!await ask(t('calls.clearAsk', { name: shownDevice()?.name ?? shown }), t('calls.clear'))) return;
  // What is on its way would come back behind the user's back.
  closeStream();
  await (await calls()).clear(shown);
  say(t('calls.cleared'));
  loadCalls();
}

// --- backups

export async function backups() {
  if (!shown || tab !== 'backups') return;
  const serial = shown;
  try {
    const kept = (await api('GET', base(serial) + '/backups')).backups;
    if (serial !== shown) return;
    const rows = kept.map(backup => backupRow(serial, backup));
    redraw($('backups-body'), rows.length ? rows : [emptyRow(t('backups.none'), 4)]);
  } catch (error) { sayProblem(error); }
}

function backupRow(serial, backup) {
  const made = element('th', when(backup.createdAt)), size = element('td', bytes(backup.sizeBytes)), actions = element('td', null, 'actions');
  made.scope = 'row';
  if (may('manage-backups')) {
    const path = base(serial) + '/backups/' + encodeURIComponent(backup.id), time = when(backup.createdAt);
    const link = element('a', t('backups.get'));
    link.href = path + '/content';
    link.dataset.key = 'get ' + backup.id;
    link.setAttribute('aria-label', t('backups.getThis', { time }));
    actions.append(link, button(t('backups.delete'), t('backups.deleteThis', { time }), 'delete ' + backup.id, async () => {
      if (!await ask(t('backups.ask', { time }), t('backups.delete'))) return;
      try {
        await api('DELETE', path);
        say(t('backups.deleted'));
        $('backups-title').focus();
      } catch (error) { sayProblem(error); }
      backups();
    }));
  }
  return tableRow([made, size, backup.keyId, actions]);
}

// --- what the user does

export function listen() {
  drawFilters();
  $('add').addEventListener('submit', async event => {
    event.preventDefault();
    if (await add($('serial').value.trim(), $('name').value.trim())) $('add').reset();
    $('serial').focus();
  });
  for (const id of ['filter', 'state-filter']) $(id).addEventListener('input', () => { page = 0; drawList(); });
  $('page-back').addEventListener('click', () => { page -= 1; drawList(); });
  $('page-on').addEventListener('click', () => { page += 1; drawList(); });
  $('range').addEventListener('change', drawCharts);
  for (const id of ['calls-text', 'calls-direction', 'calls-from', 'calls-to']) $(id).addEventListener('input', () => { limit = callsPerPage; drawCalls(); });
  $('calls-search').addEventListener('submit', event => event.preventDefault());
  $('calls-more').addEventListener('click', () => { limit += callsPerPage; drawCalls(); });
  $('calls-export').addEventListener('click', exportCalls);
  $('calls-clear').addEventListener('click', clearCalls);
}
