import Hummingbird

/// The Control Center's page: HTML, style and script as three resources, so that the content security policy can forbid
/// everything inline. Works with the keyboard alone; changes are announced in a live region.
enum ControlCenterPage {
    static func html() -> Response { .bytes(Array(document.utf8), type: "text/html; charset=utf-8") }
    static func style() -> Response { .bytes(Array(css.utf8), type: "text/css; charset=utf-8") }
    static func script() -> Response { .bytes(Array(javaScript.utf8), type: "text/javascript; charset=utf-8") }

    private static let document = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Control Center</title>
        <link rel="stylesheet" href="/style.css">
        <script src="/page.js" defer></script>
        </head>
        <body>
        <header><h1>Control Center</h1></header>
        <main>
        <section aria-labelledby="add-title">
        <h2 id="add-title">Add an appliance</h2>
        <form id="add">
        <div><label for="serial">Serial number</label>
        <input id="serial" name="serial" required maxlength="32" autocomplete="off" spellcheck="false"
        pattern="[A-Za-z0-9_\\-][A-Za-z0-9._\\-]*" title="Letters, digits and dashes, as printed on the appliance"></div>
        <div><label for="name">Display name</label>
        <input id="name" name="name" required maxlength="60" autocomplete="off"></div>
        <button type="submit">Add and make a code</button>
        </form>
        <p id="message" role="status" aria-live="polite"></p>
        </section>
        <section aria-labelledby="list-title">
        <h2 id="list-title">Appliances</h2>
        <div class="scroll" tabindex="0" role="region" aria-labelledby="list-title">
        <table>
        <thead><tr><th scope="col">Name</th><th scope="col">Serial number</th><th scope="col">Initial registration</th>
        <th scope="col">State</th><th scope="col">Licences</th><th scope="col">Registration status</th>
        <th scope="col">Actions</th></tr></thead>
        <tbody id="devices"><tr><td colspan="7">Loading…</td></tr></tbody>
        </table>
        </div>
        </section>
        <section id="detail" aria-labelledby="detail-title" hidden>
        <h2 id="detail-title" tabindex="-1">Appliance</h2>
        <h3>Monitoring</h3><p id="metrics-note"></p><table><thead><tr><th scope="col">Value</th><th scope="col">Reading</th>
        </tr></thead><tbody id="metrics"></tbody></table>
        <h3>Backups</h3><p id="backups-note"></p><table><thead><tr><th scope="col">Made</th><th scope="col">Size</th>
        <th scope="col">Password generation</th><th scope="col">Actions</th></tr></thead><tbody id="backups"></tbody></table>
        <h3>Call data</h3><p id="calls-note">Shown while this page is open; stored on no server.</p>
        <table><thead><tr><th scope="col">Start</th><th scope="col">Direction</th><th scope="col">User</th>
        <th scope="col">Other party</th><th scope="col">Seconds</th><th scope="col">Answered</th></tr></thead>
        <tbody id="calls"></tbody></table>
        </section>
        </main>
        </body>
        </html>
        """

    private static let css = """
        :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
        body { margin: 0 auto; max-width: 72rem; padding: 0 1rem 3rem; }
        h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; margin-top: 1.5rem; }
        form { display: flex; flex-wrap: wrap; gap: 1rem; align-items: end; }
        label { display: block; font-weight: 600; }
        input, button { font: inherit; padding: .4rem .6rem; border: 1px solid GrayText; border-radius: .3rem; }
        button { cursor: pointer; }
        :focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid color-mix(in srgb, CanvasText 20%, Canvas); vertical-align: top; }
        .scroll { overflow-x: auto; }
        .code { display: block; font: 600 1.2rem ui-monospace, monospace; letter-spacing: .05em; user-select: all; }
        .state { font-weight: 600; }
        .hint { display: block; font-size: .9rem; }
        td button { margin: 0 .4rem .3rem 0; }
        """

    private static let javaScript = """
        'use strict';
        const $ = id => document.getElementById(id);
        const states = { 'waiting-with-token': 'Waiting with code', 'paired': 'Paired',
          'maintenance-needed': 'Paired, maintenance needed', 'error': 'Error', 'unknown': 'Not paired' };
        const registrations = { never: 'Never', online: 'Online', offline: 'Offline' };
        let shown = null, shownName = '', stream = null, drawn = '';

        function say(text) { $('message').textContent = text; }
        function element(tag, text, className) {
          const node = document.createElement(tag);
          if (text !== undefined) node.textContent = text;
          if (className) node.className = className;
          return node;
        }
        function row(body, cells) {
          const line = element('tr');
          for (const cell of cells) {
            if (cell instanceof HTMLTableCellElement) line.append(cell); else line.append(element('td', cell));
          }
          body.append(line);
          return line;
        }
        function when(text) { return text ? new Date(text).toLocaleString() : '–'; }
        async function call(method, path, body) {
          const options = { method };
          if (body) { options.headers = { 'Content-Type': 'application/json' }; options.body = JSON.stringify(body); }
          const answer = await fetch(path, options);
          if (answer.status === 204) return null;
          const json = await answer.json().catch(() => ({}));
          if (!answer.ok) throw new Error(json.detail || 'The server answered ' + answer.status);
          return json;
        }
        function button(text, label, action) {
          const node = element('button', text);
          node.type = 'button';
          node.setAttribute('aria-label', label);
          node.dataset.key = label;
          node.addEventListener('click', action);
          return node;
        }

        async function refresh() {
          try {
            const list = (await call('GET', '/api/devices')).devices;
            const now = JSON.stringify(list);
            if (now !== drawn) { drawn = now; draw(list); }
          } catch (error) { say('The list cannot be read: ' + error.message); }
        }
        function draw(list) {
          const body = $('devices'), focused = document.activeElement && document.activeElement.dataset.key;
          body.replaceChildren();
          if (!list.length) row(body, ['No appliance yet. Enter a serial number above.']).firstChild.colSpan = 7;
          for (const device of list) {
            const state = element('td');
            state.append(element('span', states[device.state] || device.state, 'state'), element('span', device.detail, 'hint'));
            if (device.code) {
              state.append(element('span', device.code, 'code'), element('span', 'Valid until ' + when(device.codeExpiresAt), 'hint'));
            }
            const actions = element('td');
            actions.append(
              button('Show', 'Show ' + device.name, () => show(device.serial, device.name)),
              button('New code', 'Make a new code for ' + device.name, () => add(device.serial, device.name)),
              button('Remove', 'Remove ' + device.name + ' from the list', () => remove(device)));
            row(body, [device.name, device.serial, when(device.firstRegistration), state, device.licences || '–',
              registrations[device.registrationStatus] || device.registrationStatus, actions]);
          }
          if (focused) for (const node of document.querySelectorAll('[data-key]')) if (node.dataset.key === focused) node.focus();
        }
        async function add(serial, name) {
          try {
            const device = await call('POST', '/api/devices', { serial, name });
            say('Code for ' + device.name + ': ' + device.code + '. Type it on the appliance.');
            return true;
          } catch (error) { say(error.message); return false; } finally { refresh(); }
        }
        async function remove(device) {
          if (!confirm('Remove ' + device.name + ' from the list? The appliance itself is not told.')) return;
          try { await call('DELETE', '/api/devices/' + encodeURIComponent(device.serial)); say(device.name + ' was removed.'); }
          catch (error) { say(error.message); }
          refresh();
        }

        function show(serial, name) {
          shown = serial; shownName = name;
          $('detail').hidden = false;
          $('detail-title').textContent = name + ' (' + serial + ')';
          $('calls').replaceChildren();
          $('detail-title').focus();
          if (stream) stream.close();
          stream = new EventSource('/api/devices/' + encodeURIComponent(serial) + '/calls?after=0');
          stream.addEventListener('call', event => {
            const record = JSON.parse(event.data);
            row($('calls'), [when(record.startDate), record.direction, record.userName || record.userNumber,
              record.externalName || record.externalPhoneNumber || record.connectedUserName || record.connectedUserNumber,
              String(record.length), record.success ? 'Yes' : 'No']);
            $('calls-note').textContent = 'Shown while this page is open; stored on no server.';
          });
          stream.addEventListener('problem', event => { $('calls-note').textContent = JSON.parse(event.data).detail; });
          detail();
        }
        async function detail() {
          if (!shown) return;
          const serial = shown, base = '/api/devices/' + encodeURIComponent(serial);
          try {
            const report = await call('GET', base + '/metrics');
            if (serial !== shown) return;
            $('metrics-note').textContent = 'Received ' + when(report.receivedAt) + '.';
            $('metrics').replaceChildren();
            for (const point of report.points) {
              const labels = Object.entries(point.attributes).map(([key, value]) => key + ' ' + value).join(', ');
              row($('metrics'), [point.name + (labels ? ' (' + labels + ')' : ''), point.value + ' ' + point.unit]);
            }
          } catch (error) { $('metrics-note').textContent = error.message; $('metrics').replaceChildren(); }
          try {
            const list = (await call('GET', base + '/backups')).backups;
            if (serial !== shown) return;
            $('backups-note').textContent = list.length ? 'Encrypted under the customer\\u2019s password.' : 'No backup.';
            $('backups').replaceChildren();
            for (const backup of list) {
              const actions = element('td'), link = element('a', 'Download');
              link.href = base + '/backups/' + encodeURIComponent(backup.id) + '/content';
              link.setAttribute('aria-label', 'Download the backup of ' + when(backup.createdAt));
              actions.append(link, ' ', button('Delete', 'Delete the backup of ' + when(backup.createdAt), async () => {
                if (!confirm('Delete this backup for good?')) return;
                try { await call('DELETE', base + '/backups/' + encodeURIComponent(backup.id)); say('The backup was deleted.'); }
                catch (error) { say(error.message); }
                detail();
              }));
              row($('backups'), [when(backup.createdAt), backup.sizeBytes + ' bytes', backup.keyId, actions]);
            }
          } catch (error) { $('backups-note').textContent = error.message; $('backups').replaceChildren(); }
        }

        $('add').addEventListener('submit', async event => {
          event.preventDefault();
          if (await add($('serial').value.trim(), $('name').value.trim())) $('add').reset();
          $('serial').focus();
        });
        refresh();
        setInterval(refresh, 2000);
        setInterval(detail, 10000);
        """
}
