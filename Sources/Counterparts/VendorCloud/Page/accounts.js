// The accounts of the own company, for those who may change them, and the own password.
import { t } from '/texts.js';
import { $, api, ask, button, element, redraw, say, sayProblem, tableRow } from '/page.js';

const roles = ['owner', 'technician', 'viewer'];
let accounts = [];

export async function show() {
  try {
    accounts = (await api('GET', '/api/accounts')).accounts;
    drawAgain();
  } catch (error) { sayProblem(error); }
}

function roleOptions(chosen) {
  return roles.map(role => new Option(t('role.' + role), role, role === chosen, role === chosen));
}

export function drawAgain() {
  const chosen = $('account-role').value || 'technician';
  $('account-role').replaceChildren(...roleOptions(chosen));
  $('roles').replaceChildren(...roles.flatMap(role => [element('dt', t('role.' + role)), element('dd', t('role.' + role + '.may'))]));
  redraw($('accounts-body'), accounts.map(account => {
    const login = element('th', account.login), role = element('td'), actions = element('td', null, 'actions'), select = element('select');
    login.scope = 'row';
    select.dataset.key = 'role ' + account.login;
    select.setAttribute('aria-label', t('accounts.roleOf', { login: account.login }));
    select.append(...roleOptions(account.role));
    select.addEventListener('change', () => setRole(account.login, select.value));
    role.append(select);
    actions.append(button(t('accounts.remove'), t('accounts.removeThis', { login: account.login }), 'remove ' + account.login, () => remove(account.login)));
    return tableRow([login, account.name, role, actions]);
  }));
}

async function change(work, said) {
  try {
    await work();
    say(said);
  } catch (error) { sayProblem(error); }
  await show();
}

function setRole(login, role) {
  return change(() => api('PUT', '/api/accounts/' + encodeURIComponent(login) + '/role', { role }), t('accounts.changed', { login, role: t('role.' + role) }));
}

async function remove(login) {
  if (!await ask(t('accounts.ask', { login }), t('accounts.remove'))) return;
  await change(() => api('DELETE', '/api/accounts/' + encodeURIComponent(login)), t('accounts.removed', { login }));
  $('accounts-title').focus();
}

/** `changed` is called when the own password is another: the session has ended then. */
export function listen(changed) {
  $('account-form').addEventListener('submit', async event => {
    event.preventDefault();
    const [login, name, password] = ['login', 'name', 'password'].map(id => $('account-' + id).value.trim());
    try {
      await api('POST', '/api/accounts', { login, name, role: $('account-role').value, password });
      $('account-form').reset();
      say(t('accounts.made', { login }));
      $('account-login').focus();
      await show();
    } catch (error) { sayProblem(error); }
  });
  $('password-form').addEventListener('submit', async event => {
    event.preventDefault();
    try {
      await api('PUT', '/api/session/password', { current: $('password-current').value, new: $('password-new').value });
      $('password-form').reset();
      changed();
    } catch (error) { sayProblem(error); }
  });
}
