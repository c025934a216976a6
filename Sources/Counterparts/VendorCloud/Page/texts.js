// What the page says, in its two languages. Keys that the server sends (states, reasons, titles of problems) are in here too.
const en = {
  skip: 'Skip to content', language: 'Language', logout: 'Log out', cancel: 'Cancel', actions: 'Actions', none: '–', yes: 'Yes', no: 'No',
  'nav.label': 'Main', 'nav.devices': 'Appliances', 'nav.accounts': 'Accounts', 'nav.password': 'Password',
  'login.title': 'Log in', 'login.login': 'Login', 'login.password': 'Password', 'login.submit': 'Log in',
  'login.wrong': 'Login or password is wrong.', 'login.ended': 'The session has ended. Log in again.', 'login.welcome': 'Logged in as {name}, {company}.',
  'login.out': 'Logged out.', 'login.missing': 'Enter login and password.',
  'devices.title': 'Appliances', 'devices.serial': 'Serial number', 'devices.name': 'Name', 'devices.add': 'Add appliance',
  'devices.filter': 'Search the list', 'devices.stateFilter': 'State', 'devices.all': 'All states', 'devices.caption': 'Appliances of the company with their states',
  'devices.registration': 'Initial registration', 'devices.state': 'State', 'devices.licences': 'Licences', 'devices.status': 'Registration status',
  'devices.count': '{shown} of {all} appliances', 'devices.empty': 'No appliance yet. Enter a serial number above.', 'devices.noMatch': 'No appliance matches.',
  'devices.show': 'Show', 'devices.showThis': 'Show {name}', 'devices.code': 'New code', 'devices.codeThis': 'Make a new code for {name}',
  'devices.remove': 'Remove', 'devices.removeThis': 'Remove {name} from the list', 'devices.removeAsk': 'Remove {name} from the list? The appliance itself is not told.',
  'devices.removed': '{name} was removed.', 'devices.codeIs': 'The code for {name} is {code}. Type it on the appliance.', 'devices.validUntil': 'Valid until {time}',
  'devices.unread': 'The list cannot be read: {reason}', 'devices.missing': 'Enter a serial number and a name.',
  'page.back': 'Previous page', 'page.on': 'Next page', 'page.now': 'Page {page} of {pages}',
  'device.back': 'All appliances', 'device.nav': 'Appliance', 'device.gone': 'This appliance is not in the list.',
  'tab.monitoring': 'Monitoring', 'tab.calls': 'Call data', 'tab.backups': 'Backups', 'tab.licences': 'Licences',
  'charts.range': 'Period', 'charts.none': 'No values. The owner switches monitoring on at the appliance.', 'charts.at': 'Newest values of {time}; nothing older than 24 hours is kept.',
  'charts.summary': '{title}: now {now}, lowest {low}, highest {high} in the last {period}', 'charts.now': 'now {now}',
  'metric.cpu': 'CPU load', 'metric.memory': 'Memory used', 'metric.disk': 'Storage used', 'metric.calls': 'Calls', 'metric.registrations': 'Registered telephones',
  'metric.mos': 'Speech quality (MOS)', 'charts.uptime': 'Running for {time}.', 'metric.other': '{name}',
  'calls.where': 'Stored in this browser alone; no server keeps them.', 'calls.search': 'Search numbers and names', 'calls.direction': 'Direction', 'calls.any': 'All directions',
  'calls.incoming': 'Incoming', 'calls.outgoing': 'Outgoing', 'calls.internal': 'Internal', 'calls.from': 'From', 'calls.to': 'To', 'calls.export': 'Export as CSV',
  'calls.clear': 'Delete from this browser', 'calls.clearAsk': 'Delete all call data of {name} from this browser? What the appliance still has comes again with the next connection.',
  'calls.cleared': 'Deleted from this browser.', 'calls.count': '{found} of {all} calls', 'calls.caption': 'Calls, newest first', 'calls.start': 'Start', 'calls.user': 'User',
  'calls.other': 'Other party', 'calls.length': 'Duration', 'calls.answered': 'Answered', 'calls.more': 'Show more', 'calls.live': 'Connected: new calls appear by themselves.',
  'calls.waiting': 'Not connected: {reason}', 'calls.connecting': 'Connecting …', 'calls.exported': '{count} calls exported.', 'calls.unstored': 'This browser does not let the page store: {reason}',
  'backups.note': "Encrypted under the customer's password, which this service does not have.", 'backups.caption': 'Backups, newest first', 'backups.made': 'Made', 'backups.size': 'Size',
  'backups.key': 'Password generation', 'backups.none': 'No backup.', 'backups.get': 'Download', 'backups.getThis': 'Download the backup of {time}', 'backups.delete': 'Delete',
  'backups.deleteThis': 'Delete the backup of {time}', 'backups.ask': 'Delete the backup of {time} for good?', 'backups.deleted': 'The backup was deleted.',
  'licences.edition': 'Edition', 'licences.users': 'Users', 'licences.devices': 'Devices', 'licences.calls': 'Calls at a time', 'licences.period': 'Period', 'licences.days': '{days} days',
  'licences.model': 'Model', 'licences.firmware': 'Firmware', 'licences.services': 'Services switched on', 'licences.used': '{used} registered, {limit} at most', 'licences.active': '{used} at the moment, {limit} at most',
  'licences.unknown': 'Known once the appliance is paired and connected.', 'licences.none': 'none',
  'switch.control-center': 'Control Center', 'switch.monitoring': 'monitoring', 'switch.call-data': 'call data', 'switch.relay': 'relay', 'switch.backup': 'backup',
  'switch.remote-access': 'remote access', 'switch.voucher': 'vouchers', 'switch.push': 'push', 'switch.updates': 'updates', 'switch.crash-reports': 'crash reports',
  'accounts.title': 'Accounts', 'accounts.name': 'Name', 'accounts.role': 'Role', 'accounts.password': 'First password', 'accounts.add': 'Make account', 'accounts.caption': 'Accounts of the company',
  'accounts.made': 'The account {login} was made.', 'accounts.remove': 'Remove', 'accounts.removeThis': 'Remove the account {login}', 'accounts.ask': 'Remove the account {login}? Its sessions end at once.',
  'accounts.removed': 'The account {login} was removed.', 'accounts.roleOf': 'Role of {login}', 'accounts.changed': '{login} is now {role}.',
  'role.owner': 'Owner', 'role.technician': 'Technician', 'role.viewer': 'Viewer',
  'role.owner.may': 'everything, and the accounts of the company', 'role.technician.may': 'appliances, codes, call data, backups', 'role.viewer.may': 'list, states, monitoring, list of backups',
  'password.title': 'Change the password', 'password.current': 'Current password', 'password.new': 'New password', 'password.submit': 'Change password',
  'password.rule': 'A password has 12 characters or more.', 'password.changed': 'The password was changed. Log in again.',
  'state.waiting-with-token': 'Waiting with code', 'state.paired': 'Paired', 'state.maintenance-needed': 'Paired, maintenance needed', 'state.error': 'Error', 'state.unknown': 'Not paired',
  'status.never': 'Never', 'status.online': 'Online', 'status.offline': 'Offline',
  'reason.not-paired': 'Not paired; make a new code.', 'reason.code-expired': 'The code has expired; make a new one.', 'reason.type-code': 'Type the code on the appliance.',
  'reason.waiting-for-appliance': 'Waits until the appliance connects to the relay; then type the code there.', 'reason.delivery-failed': 'The code could not be delivered yet; it is tried again.',
  'reason.offer-refused': 'The appliance refuses the code.', 'reason.relay-unavailable': 'The relay is not available; it is tried again.', 'reason.connected': 'Connected.',
  'reason.not-connected': 'Not connected at the moment.', 'reason.not-answering': 'Not answering at the moment.', 'reason.state-unknown': 'Its state is being read.', 'reason.firmware-old': 'The firmware is too old; update it.',
  'problem.network': 'The server cannot be reached.', 'problem.other': 'The server answered {status}.',
};
const de = {
  skip: 'Zum Inhalt', language: 'Sprache', logout: 'Abmelden', cancel: 'Abbrechen', actions: 'Aktionen', none: '–', yes: 'Ja', no: 'Nein',
  'nav.label': 'Hauptmenü', 'nav.devices': 'Anlagen', 'nav.accounts': 'Konten', 'nav.password': 'Passwort',
  'login.title': 'Anmelden', 'login.login': 'Anmeldename', 'login.password': 'Passwort', 'login.submit': 'Anmelden',
  'login.wrong': 'Anmeldename oder Passwort ist falsch.', 'login.ended': 'Die Sitzung ist zu Ende. Bitte neu anmelden.', 'login.welcome': 'Angemeldet als {name}, {company}.',
  'login.out': 'Abgemeldet.', 'login.missing': 'Anmeldename und Passwort eingeben.',
  'devices.title': 'Anlagen', 'devices.serial': 'Seriennummer', 'devices.name': 'Name', 'devices.add': 'Anlage hinzufügen',
  'devices.filter': 'Liste durchsuchen', 'devices.stateFilter': 'Zustand', 'devices.all': 'Alle Zustände', 'devices.caption': 'Anlagen der Firma mit ihren Zuständen',
  'devices.registration': 'Erste Anmeldung', 'devices.state': 'Zustand', 'devices.licences': 'Lizenzen', 'devices.status': 'Anmeldestatus',
  'devices.count': '{shown} von {all} Anlagen', 'devices.empty': 'Noch keine Anlage. Oben eine Seriennummer eingeben.', 'devices.noMatch': 'Keine Anlage passt dazu.',
  'devices.show': 'Anzeigen', 'devices.showThis': '{name} anzeigen', 'devices.code': 'Neuer Code', 'devices.codeThis': 'Neuen Code für {name} erzeugen',
  'devices.remove': 'Entfernen', 'devices.removeThis': '{name} aus der Liste entfernen', 'devices.removeAsk': '{name} aus der Liste entfernen? Die Anlage selbst erfährt davon nichts.',
  'devices.removed': '{name} wurde entfernt.', 'devices.codeIs': 'Der Code für {name} ist {code}. Bitte an der Anlage eingeben.', 'devices.validUntil': 'Gültig bis {time}',
  'devices.unread': 'Die Liste ist nicht lesbar: {reason}', 'devices.missing': 'Seriennummer und Namen eingeben.',
  'page.back': 'Vorige Seite', 'page.on': 'Nächste Seite', 'page.now': 'Seite {page} von {pages}',
  'device.back': 'Alle Anlagen', 'device.nav': 'Anlage', 'device.gone': 'Diese Anlage steht nicht in der Liste.',
  'tab.monitoring': 'Überwachung', 'tab.calls': 'Gesprächsdaten', 'tab.backups': 'Sicherungen', 'tab.licences': 'Lizenzen',
  'charts.range': 'Zeitraum', 'charts.none': 'Keine Werte. Die Überwachung wird an der Anlage eingeschaltet.', 'charts.at': 'Neueste Werte von {time}; älter als 24 Stunden wird nichts aufbewahrt.',
  'charts.summary': '{title}: jetzt {now}, kleinster Wert {low}, größter {high} in den letzten {period}', 'charts.now': 'jetzt {now}',
  'metric.cpu': 'CPU-Last', 'metric.memory': 'Arbeitsspeicher', 'metric.disk': 'Speicherplatz', 'metric.calls': 'Gespräche', 'metric.registrations': 'Angemeldete Telefone',
  'metric.mos': 'Sprachqualität (MOS)', 'charts.uptime': 'Laufzeit {time}.', 'metric.other': '{name}',
  'calls.where': 'Nur in diesem Browser gespeichert; kein Server behält sie.', 'calls.search': 'Nummern und Namen durchsuchen', 'calls.direction': 'Richtung', 'calls.any': 'Alle Richtungen',
  'calls.incoming': 'Ankommend', 'calls.outgoing': 'Abgehend', 'calls.internal': 'Intern', 'calls.from': 'Von', 'calls.to': 'Bis', 'calls.export': 'Als CSV ausgeben',
  'calls.clear': 'Aus diesem Browser löschen', 'calls.clearAsk': 'Alle Gesprächsdaten von {name} aus diesem Browser löschen? Was die Anlage noch hat, kommt mit der nächsten Verbindung wieder.',
  'calls.cleared': 'Aus diesem Browser gelöscht.', 'calls.count': '{found} von {all} Gesprächen', 'calls.caption': 'Gespräche, neueste zuerst', 'calls.start': 'Beginn', 'calls.user': 'Teilnehmer',
  'calls.other': 'Gegenstelle', 'calls.length': 'Dauer', 'calls.answered': 'Angenommen', 'calls.more': 'Mehr anzeigen', 'calls.live': 'Verbunden: neue Gespräche erscheinen von selbst.',
  'calls.waiting': 'Nicht verbunden: {reason}', 'calls.connecting': 'Verbindung wird aufgebaut …', 'calls.exported': '{count} Gespräche ausgegeben.', 'calls.unstored': 'Dieser Browser lässt die Seite nichts speichern: {reason}',
  'backups.note': 'Verschlüsselt mit dem Passwort des Kunden, das dieser Dienst nicht hat.', 'backups.caption': 'Sicherungen, neueste zuerst', 'backups.made': 'Erstellt', 'backups.size': 'Größe',
  'backups.key': 'Passwortgeneration', 'backups.none': 'Keine Sicherung.', 'backups.get': 'Herunterladen', 'backups.getThis': 'Sicherung vom {time} herunterladen', 'backups.delete': 'Löschen',
  'backups.deleteThis': 'Sicherung vom {time} löschen', 'backups.ask': 'Die Sicherung vom {time} endgültig löschen?', 'backups.deleted': 'Die Sicherung wurde gelöscht.',
  'licences.edition': 'Ausgabe', 'licences.users': 'Teilnehmer', 'licences.devices': 'Geräte', 'licences.calls': 'Gleichzeitige Gespräche', 'licences.period': 'Zeitraum', 'licences.days': '{days} Tage',
  'licences.model': 'Modell', 'licences.firmware': 'Firmware', 'licences.services': 'Eingeschaltete Dienste', 'licences.used': '{used} angemeldet, höchstens {limit}', 'licences.active': 'zur Zeit {used}, höchstens {limit}',
  'licences.unknown': 'Bekannt, sobald die Anlage gekoppelt und verbunden ist.', 'licences.none': 'keine',
  'switch.control-center': 'Control Center', 'switch.monitoring': 'Überwachung', 'switch.call-data': 'Gesprächsdaten', 'switch.relay': 'Relay', 'switch.backup': 'Sicherung',
  'switch.remote-access': 'Fernzugriff', 'switch.voucher': 'Gutscheine', 'switch.push': 'Push', 'switch.updates': 'Aktualisierung', 'switch.crash-reports': 'Absturzberichte',
  'accounts.title': 'Konten', 'accounts.name': 'Name', 'accounts.role': 'Rolle', 'accounts.password': 'Erstes Passwort', 'accounts.add': 'Konto anlegen', 'accounts.caption': 'Konten der Firma',
  'accounts.made': 'Das Konto {login} wurde angelegt.', 'accounts.remove': 'Entfernen', 'accounts.removeThis': 'Konto {login} entfernen', 'accounts.ask': 'Das Konto {login} entfernen? Seine Sitzungen enden sofort.',
  'accounts.removed': 'Das Konto {login} wurde entfernt.', 'accounts.roleOf': 'Rolle von {login}', 'accounts.changed': '{login} hat jetzt die Rolle {role}.',
  'role.owner': 'Inhaber', 'role.technician': 'Techniker', 'role.viewer': 'Betrachter',
  'role.owner.may': 'alles, auch die Konten der Firma', 'role.technician.may': 'Anlagen, Codes, Gesprächsdaten, Sicherungen', 'role.viewer.may': 'Liste, Zustände, Überwachung, Liste der Sicherungen',
  'password.title': 'Passwort ändern', 'password.current': 'Bisheriges Passwort', 'password.new': 'Neues Passwort', 'password.submit': 'Passwort ändern',
  'password.rule': 'Ein Passwort hat mindestens 12 Zeichen.', 'password.changed': 'Das Passwort wurde geändert. Bitte neu anmelden.',
  'state.waiting-with-token': 'Wartet mit Code', 'state.paired': 'Gekoppelt', 'state.maintenance-needed': 'Gekoppelt, Wartung nötig', 'state.error': 'Fehler', 'state.unknown': 'Nicht gekoppelt',
  'status.never': 'Nie', 'status.online': 'Verbunden', 'status.offline': 'Getrennt',
  'reason.not-paired': 'Nicht gekoppelt; einen neuen Code erzeugen.', 'reason.code-expired': 'Der Code ist abgelaufen; einen neuen erzeugen.', 'reason.type-code': 'Den Code an der Anlage eingeben.',
  'reason.waiting-for-appliance': 'Wartet, bis sich die Anlage mit dem Relay verbindet; dann dort den Code eingeben.', 'reason.delivery-failed': 'Der Code konnte noch nicht zugestellt werden; es wird weiter versucht.',
  'reason.offer-refused': 'Die Anlage lehnt den Code ab.', 'reason.relay-unavailable': 'Das Relay ist nicht erreichbar; es wird weiter versucht.', 'reason.connected': 'Verbunden.',
  'reason.not-connected': 'Zur Zeit nicht verbunden.', 'reason.not-answering': 'Antwortet zur Zeit nicht.', 'reason.state-unknown': 'Ihr Zustand wird gelesen.', 'reason.firmware-old': 'Die Firmware ist zu alt; bitte aktualisieren.',
  'problem.network': 'Der Server ist nicht erreichbar.', 'problem.other': 'Der Server antwortete mit {status}.',
  'problem.Invalid request': 'Die Eingabe ist nicht gültig.', 'problem.Not yours': 'Das gehört zu einer anderen Anlage.', 'problem.Not found': 'Das gibt es nicht.',
  'problem.Already paired': 'Die Anlage ist schon gekoppelt. Zum Neubeginn dort das Control Center ausschalten.', 'problem.Claimed': 'Die Anlage steht in der Liste einer anderen Firma.',
  'problem.Code expired': 'Der Code ist abgelaufen.', 'problem.Already there': 'Das gibt es schon.', 'problem.Too large': 'Das ist zu groß.', 'problem.Too many requests': 'Zu viele Versuche; bitte später noch einmal.',
  'problem.Unavailable': 'Zur Zeit nicht möglich: nicht gekoppelt, nicht verbunden oder eine Grenze ist erreicht.', 'problem.Insufficient storage': 'Kein Platz mehr.',
  'problem.Not logged in': 'Bitte anmelden.', 'problem.Not allowed': 'Dieses Konto darf das nicht.', 'problem.Call data interrupted': 'Die Anlage ist nicht erreichbar, oder die Gesprächsdaten sind dort ausgeschaltet.',
};

const tables = { en, de };
export let language = 'en';

/** The text of a key in the present language, with its {parts} filled in; undefined when there is none. */
export function find(key, parts = {}) {
  const text = tables[language][key];
  return text === undefined ? undefined : text.replace(/\{(\w+)\}/g, (whole, name) => name in parts ? String(parts[name]) : whole);
}

export function t(key, parts) { return find(key, parts) ?? key; }

/** Remembers the choice; the page says everything anew. */
export function setLanguage(chosen) {
  language = chosen in tables ? chosen : 'en';
  document.documentElement.lang = language;
  try { localStorage.setItem('language', language); } catch { /* a browser that stores nothing still works */ }
  for (const node of document.querySelectorAll('[data-text]')) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll('[data-label]')) node.setAttribute('aria-label', t(node.dataset.label));
}

export function firstLanguage() {
  try {
    const kept = localStorage.getItem('language');
    if (kept in tables) return kept;
  } catch { /* as above */ }
  return (navigator.languages || []).map(name => name.slice(0, 2)).find(name => name in tables) || 'en';
}

/** For the tests: keys that one table has and the other has not. */
export function missingTexts() {
  return [...Object.keys(en).filter(key => !(key in de)), ...Object.keys(de).filter(key => !(key in en) && !key.startsWith('problem.'))];
}
