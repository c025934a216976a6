// The Control Center's page: who is logged in, which view is shown, in which language.
import { firstLanguage, setLanguage, t } from '/texts.js';
import { $, api, onSessionEnd, Problem, say, sayProblem } from '/page.js';
import * as devices from '/devices.js';
import * as accounts from '/accounts.js';

const views = ['login', 'devices', 'device', 'accounts', 'password'];
const tabs = ['monitoring', 'calls', 'backups', 'licences'];
let session = null;

function view(name, heading, isMoved) {
  for (const each of views) $('view-' + each).hidden = each !== name;
  for (const [id, route] of [['nav-devices', 'devices'], ['nav-accounts', 'accounts'], ['nav-password', 'password']]) {
    if (route === name || (route === 'devices' && name === 'device')) $(id).setAttribute('aria-current', 'page'); else $(id).removeAttribute('aria-current');
  }
  document.title = heading + ' – Control Center';
  // Where a reader goes on after a change of view; the first view of all leaves the focus alone.
  if (isMoved) $(name + '-title').focus();
}

async function route(isMoved = true) {
  if (!session) {
    devices.leave();
    view('login', t('login.title'), false);
    if (isMoved) $('login').focus();
    return;
  }
  const [, first, serial, tab] = location.hash.split('/');
  if (first === 'device' && serial) {
    const name = tabs.includes(tab) ? tab : 'monitoring', again = !$('view-device').hidden;
    view('device', decodeURIComponent(serial), false);
    await devices.show(decodeURIComponent(serial), name);
    document.title = $('device-title').textContent + ' – Control Center';
    if (isMoved) $(again ? name + '-title' : 'device-title').focus();
    return;
  }
  devices.leave();
  if (first === 'accounts' && session.rights.includes('manage-accounts')) {
    view('accounts', t('accounts.title'), isMoved);
    return accounts.show();
  }
  if (first === 'password') return view('password', t('password.title'), isMoved);
  view('devices', t('devices.title'), isMoved);
  devices.refresh();
}

function logged(user) {
  session = user;
  for (const id of ['nav', 'who', 'logout']) $(id).hidden = !user;
  $('nav-accounts').hidden = !user?.rights.includes('manage-accounts');
  $('who').textContent = user ? `${user.name}, ${user.company}` : '';
  if (user) devices.start(user); else devices.stop();
}

function end(text, isBad) {
  if (!session) return;
  logged(null);
  say(text, isBad);
  route();
}

async function logIn(event) {
  event.preventDefault();
  const login = $('login').value.trim(), password = $('password').value;
  if (!login || !password) return say(t('login.missing'), true);
  try {
    logged(await api('POST', '/api/session', { login, password }));
    $('login-form').reset();
    say(t('login.welcome', session));
    route();
  } catch (error) {
    if (error instanceof Problem && error.status === 401) say(t('login.wrong'), true); else sayProblem(error);
    $('password').select();
  }
}

function speak(language) {
  setLanguage(language);
  $('language').value = language;
  devices.drawAgain();
  accounts.drawAgain();
  if (!session) document.title = t('login.title') + ' – Control Center';
}

async function begin() {
  devices.listen();
  accounts.listen(() => end(t('password.changed'), false));
  onSessionEnd(() => end(t('login.ended'), true));
  speak(firstLanguage());
  $('language').addEventListener('change', () => { speak($('language').value); say(''); route(false); });
  $('login-form').addEventListener('submit', logIn);
  $('logout').addEventListener('click', async () => {
    try { await api('DELETE', '/api/session'); } catch (error) { return sayProblem(error); }
    end(t('login.out'), false);
  });
  $('skip').addEventListener('click', event => { event.preventDefault(); $('main').focus(); });
  window.addEventListener('hashchange', () => { say(''); route(); });
  try { logged(await api('GET', '/api/session')); } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) sayProblem(error);
  }
  await route(!session);
  setInterval(() => { if (session && !document.hidden) devices.refresh(); }, 3000);
  setInterval(() => { if (session && !document.hidden) { devices.monitoring(); devices.backups(); } }, 5000);
}

begin();
