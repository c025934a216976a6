#!/usr/bin/env python3
"""The Control Center's page in a headless Chromium, used with the keyboard alone, in English and in German.

  centre.py --bin .build/debug [--keep DIR] [--pictures DIR]

A user logs in, adds the appliance, sees it paired, its charts, a call that arrives in the browser's own store, searches, exports
it, downloads a backup and deletes another. Then it is shown where the call is: in the browser's profile, and in no file of
the cloud. Each view is looked at as a screen reader does, and drawn into a picture."""
import csv
import io
import json
import pathlib
import secrets
import shutil
import sys

from blindness import files_hold
from browser import Browser
from demo import COMPANY, Demo, OWNER, OWNER_NAME, OWNER_PASSWORD, PASSWORD, SERIAL
from harness import Failed, end_on_signals, get_json, http, log_in, played, require, run, story_parser, until

OTHER, OTHER_PASSWORD = "otto", "another-long-password"
VIEWER, VIEWER_PASSWORD = "vera", "vera-only-looks-at-it"
STORED = """(async () => {
  const open = indexedDB.open(%s); const database = await new Promise((ok, no) => { open.onsuccess = () => ok(open.result); open.onerror = no; });
  if (![...database.objectStoreNames].includes('calls')) return [];
  const all = database.transaction('calls').objectStore('calls').getAll();
  const found = await new Promise(ok => { all.onsuccess = () => ok(all.result); }); database.close(); return found; })()"""


class Centre(Demo):
    def __init__(self, binaries, pictures=None, **options):
        super().__init__(binaries, **options)
        self.shots, self.browser = pictures, None
        self.canary = "Canary" + secrets.token_hex(6)

    def end(self):
        if self.browser:
            if self.shots:
                shutil.copytree(self.browser.pictures, self.shots, dirs_exist_ok=True)
            self.browser.end()
        return super().end()

    def account(self, data):
        super().account(data)
        run([self.bin / "vendorcloud", "add-account", "--data", data, "--login", OTHER, "--company", "Other Company"], stdin=OTHER_PASSWORD + "\n")
        short = run([self.bin / "vendorcloud", "add-account", "--data", data, "--login", "x", "--company", "X"], stdin="short\n", check=False)
        require(short.returncode != 0 and "password" in short.stderr, f"a short password was taken: {short.stderr}")
        accounts = (pathlib.Path(data) / "accounts.json").read_text()
        require(OWNER_PASSWORD not in accounts and "scrypt:" in accounts, "a password is stored readable")

    def write_config(self, more=""):
        super().write_config(more='\n  - { extension: "107", name: %s, password: "%s" }' % (self.canary, "a-secret-for-the-canary") + more)

    # --- the browser

    def page(self):
        self.browser = b = Browser(self.directory / "browser")
        b.open(f"http://{self.web}/")
        b.see("the log-in", "!document.getElementById('view-login').hidden")
        b.check_accessible("log-in")
        b.picture("01-login-en")
        self.log_in_page(OWNER, "wrong-password-here", "wrong")
        self.log_in_page(OWNER, OWNER_PASSWORD, COMPANY)
        b.check_accessible("list")
        cookies = b.call("Network.getCookies")["cookies"]
        require([(c["httpOnly"], c["sameSite"]) for c in cookies] == [(True, "Strict")], f"the session's cookie is {cookies}")
        self.step("log-in", f"wrong password refused, right one let {OWNER_NAME} in, with Tab and Enter alone; the cookie is out of scripts' reach")

    def log_in_page(self, login, password, expected):
        b = self.browser
        b.fill("#login", login)
        b.fill("#password", password)
        b.press("Enter")
        b.see(f"the message with '{expected}'", f"document.getElementById('message').textContent.includes({json.dumps(expected)})")

    def log_out_page(self):
        self.browser.activate("#logout")
        self.browser.see("the log-in", "!document.getElementById('view-login').hidden")

    def add_appliance(self):
        b = self.browser
        b.fill("#serial", SERIAL)
        b.fill("#name", "Head office")
        b.press("Enter")
        code = b.see("the code", "document.querySelector('tr .code')?.textContent")
        b.see("the state", "!!document.querySelector('.state.waiting-with-token')")
        b.picture("02-list-waiting-en")
        self.ctl("switch", "relay", "on")
        self.ctl("switch", "control-center", "on")
        until("the offer's arrival at the appliance", lambda: self.ctl("status")["pairing"] == "offered")
        self.ctl("pair", "--code", code)
        b.see("state 'Paired' and 'Online'", "document.querySelector('tr .state.paired') && document.querySelector('#devices-body').innerText.includes('Online')")
        headers = b.evaluate("[...document.querySelectorAll('#devices-head th')].map(n => n.innerText.trim())")
        expected = ["Name", "Serial number", "Initial registration", "State", "Licences", "Registration status", "Actions"]
        require(headers == expected, f"the columns are {headers}")
        b.picture("03-list-paired-en")
        self.step("appliance", f"added by serial, code {code} typed at the appliance; the open page went from waiting to paired by itself")

    def charts(self):
        b = self.browser
        self.ctl("switch", "monitoring", "on")
        b.activate(f"[data-key='show {SERIAL}']")
        b.see("the charts", "document.querySelectorAll('figure[data-chart] svg').length >= 5", 30)
        points = b.see("a line of three points", "(n => n >= 3 && n)(Number(document.querySelector('[data-chart=cpu]').dataset.points))", 60)
        b.choose("#range", "0.25")
        b.check_accessible("charts")
        names = b.evaluate("[...document.querySelectorAll('figure[data-chart]')].map(n => n.dataset.chart)")
        label = b.evaluate("document.querySelector('[data-chart=cpu] svg').getAttribute('aria-label')")
        require("now" in label and "highest" in label, f"the chart says of itself: {label}")
        b.picture("04-monitoring-en")
        self.step("charts", f"{len(names)} charts drawn from telemetry ({', '.join(names)}), {points} points so far; read aloud: {label!r}")

    def softphone(self, *arguments, user="100", password="ada-keeps-a-long-secret"):
        secret = self.directory / f"password-{user}"
        secret.write_text(password)
        phone = self.start(f"softphone-{user}-{self.count}", [
            self.bin / "softphone", *arguments, "--server", self.sip["sip-udp"], "--transport", "udp", "--user", user, "--password-file", secret, "--json"])
        phone.wait_for("ended", 40)
        require(phone.wait_exit() == 0, f"a softphone failed\n{phone.tail()}")

    def call_data(self):
        b = self.browser
        self.ctl("switch", "call-data", "on")
        b.activate("[data-tab=calls]")
        b.see("the stream", "document.getElementById('calls-note').textContent.startsWith('Connected')", 30)
        self.softphone("call", "600", "--codec", "pcmu", "--tone", "700", "--seconds", "2")
        self.softphone("call", "600", "--codec", "pcmu", "--tone", "700", "--seconds", "1", user="107", password="a-secret-for-the-canary")
        stored = b.see("two calls in the browser's store", f"{STORED % json.dumps('calls-' + OWNER)}.then(all => all.length === 2 && all)")
        records = {r["CallDataId"]: r for r in self.ctl("records")}
        for item in stored:
            known, record = records[str(item["record"]["CallDataId"])], item["record"]
            require(item["serial"] == SERIAL and record["userNumber"] == known["userNumber"] and record["length"] == known["length"], f"stored: {item}")
            require("quality" not in record, "a field is stored that F-C6 does not have")
        self.ids = sorted(records)
        b.see("the rows", "document.querySelectorAll('#calls-body tr').length === 2")
        b.check_accessible("call data")
        b.picture("05-calls-en")
        self.step("call data", f"2 calls arrived in IndexedDB as they ended, fields as the appliance's own records")

    def search_and_export(self):
        b = self.browser
        b.fill("#calls-text", self.canary.lower()[:9])
        b.see("one call found", "document.getElementById('calls-count').textContent === '1 of 2 calls'")
        b.activate("#calls-export", key=" ")
        path = self.browser.downloads / f"calls-{SERIAL}.csv"
        until("the file", path.exists)
        until("the whole file", lambda: path.stat().st_size > 100)
        lines = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
        require(len(lines) == 2 and len(lines[0]) == 17 and self.canary in lines[1], f"the table is {lines}")
        b.choose("#calls-direction", "incoming")
        b.see("nothing found", "document.getElementById('calls-count').textContent === '0 of 2 calls'")
        b.choose("#calls-direction", "")
        b.fill("#calls-text", "")
        b.see("all found", "document.getElementById('calls-count').textContent === '2 of 2 calls'")
        self.step("search and export", f"1 of 2 found by a name's beginning; CSV of {len(lines[0])} columns and that one call, made in the browser")

    def kept_here_alone(self):
        b = self.browser
        before = len(b.requests())
        b.call("Page.reload")
        b.see("the calls after a reload", "document.querySelectorAll('#calls-body tr').length === 2")
        asked = until("the stream's cursor", lambda: [u for u in b.requests()[before:] if "/calls?after=" in u])
        require(asked[-1].endswith("after=" + max(self.ids, key=int)), f"the stream went on at {asked}")
        needles = {"a user's name": self.canary.encode(), **{f"call {n}": str(n).encode() for n in self.ids}}
        found = until("the calls in the browser's profile", lambda: (
            f := {n.split(" in ")[0] for n in files_hold(b.profile / "Default" / "IndexedDB", needles)}) >= set(needles) and f)
        stored = files_hold(self.directory / "cloud", needles)
        require(not stored, f"the cloud's disk holds {sorted(stored)}")
        self.step("kept here alone", f"after a reload the calls are there, and the stream goes on behind the newest; {len(found)} needles found in the "
                  f"browser's profile, none in {sum(1 for p in (self.directory / 'cloud').rglob('*') if p.is_file())} files of the cloud")

    def backups(self):
        b = self.browser
        self.password_file.write_text(PASSWORD)
        self.ctl("switch", "backup", "on")
        self.ctl("backup", "set-password", "--password-file", self.password_file)
        ids = [self.ctl("backup", "now", timeout=120)["id"] for _ in range(2)]
        b.activate("[data-tab=backups]")
        b.see("two backups", "document.querySelectorAll('#backups-body button').length === 2", 30)
        b.check_accessible("backups")
        b.picture("06-backups-en")
        b.activate(f"[data-key='get {ids[0]}']")
        path = self.browser.downloads / f"{ids[0]}.age"
        until("the download", lambda: path.exists() and path.stat().st_size > 1000)
        content = path.read_bytes()
        require(content.startswith(b"age-encryption.org/v1") and self.canary.encode() not in content, "the download is not ciphertext")
        b.activate(f"[data-key='delete {ids[1]}']")
        b.see("the question", "document.getElementById('ask').open")
        b.picture("07-question-en")
        b.press("Escape")
        require(len(get_json(self.api(f"/{SERIAL}/backups"))["backups"]) == 2, "Escape deleted a backup")
        b.activate(f"[data-key='delete {ids[1]}']")
        b.activate("#ask-yes")
        b.see("one backup", "document.querySelectorAll('#backups-body button').length === 1")
        left = [x["id"] for x in get_json(self.api(f"/{SERIAL}/backups"))["backups"]]
        require(left == [ids[0]], f"the server still has {left}")
        kept = [p.name for p in (self.directory / "cloud").rglob("*") if ids[1] in p.name]
        require(not kept, f"the deleted backup is still {kept}")
        self.step("backups", f"{len(content)} bytes of age ciphertext downloaded; Escape deletes nothing, Delete then Yes deletes one, its file is gone")

    def licences(self):
        b = self.browser
        b.activate("[data-tab=licences]")
        shown = b.text("#licences")
        require("next" in shown and "40 at most" in shown and "monitoring" in shown, f"the licences say {shown!r}")
        b.picture("08-licences-en")
        self.step("licences", "edition, what it holds, what is used and switched on")

    def german(self):
        b = self.browser
        b.choose("#language", "de")
        b.see("the German page", "document.documentElement.lang === 'de' && document.querySelector('[data-tab=calls]').textContent === 'Gesprächsdaten'")
        require(b.evaluate("import('/texts.js').then(m => m.missingTexts())") == [], "a text is there in one language alone")
        for tab, name in (("licences", "11-lizenzen-de"), ("backups", "10-sicherungen-de"), ("calls", "09-gespraeche-de"), ("monitoring", "12-ueberwachung-de")):
            b.activate(f"[data-tab={tab}]")
            b.see("the view", f"!document.getElementById('tab-{tab}').hidden")
            if tab == "monitoring":
                b.see("the charts", "document.querySelectorAll('figure[data-chart] svg').length >= 5")
            b.check_accessible(tab)
            english = b.evaluate("""[...document.querySelectorAll('main *')].filter(n => n.offsetParent && !n.children.length)
              .map(n => n.textContent.trim()).filter(x => /\\b(the|appliance|call|calls|backup|backups|password|not|now)\\b/i.test(x))""")
            require(not english, f"English words in the German page: {english}")
            b.picture(name)
        b.activate("#nav-devices")
        b.see("the list", "!document.getElementById('view-devices').hidden && document.querySelector('.state.paired')?.textContent === 'Gekoppelt'")
        b.picture("13-liste-de")
        b.call("Page.reload")
        b.see("the language after a reload", "document.documentElement?.lang === 'de' && document.querySelector('.state.paired')?.textContent === 'Gekoppelt'")
        self.step("German", "chosen with the arrow keys, kept over a reload; every text of one language is there in the other")

    def accounts(self):
        b = self.browser
        b.activate("#nav-accounts")
        b.see("the accounts", "document.querySelectorAll('#accounts-body tr').length === 1")
        b.check_accessible("accounts")
        b.fill("#account-login", VIEWER)
        b.fill("#account-name", "Vera Viewer")
        b.choose("#account-role", "viewer")
        b.fill("#account-password", VIEWER_PASSWORD)
        b.press("Enter")
        b.see("two accounts", "document.querySelectorAll('#accounts-body tr').length === 2")
        b.picture("14-konten-de")
        b.activate(f"[data-key='remove {OWNER}']")
        b.activate("#ask-yes")
        b.see("the refusal", "document.getElementById('message').classList.contains('bad')")
        self.log_out_page()
        self.log_in_page(VIEWER, VIEWER_PASSWORD, COMPANY)
        b.see("the list", "!!document.querySelector('.state.paired')")
        require(b.evaluate("document.getElementById('add').hidden && document.getElementById('nav-accounts').hidden"), "a viewer may add appliances or accounts")
        b.activate(f"[data-key='show {SERIAL}']")
        b.see("the charts", "document.querySelectorAll('figure[data-chart] svg').length >= 5")
        require(b.evaluate("document.querySelector('[data-tab=calls]').hidden"), "a viewer is shown call data")
        codes = b.evaluate(f"""Promise.all([['GET','/api/devices/{SERIAL}/calls'],['DELETE','/api/devices/{SERIAL}'],['GET','/api/accounts'],
          ['DELETE','/api/devices/{SERIAL}/backups/x'],['GET','/api/devices/{SERIAL}/backups/x/content']].map(([m, p]) => fetch(p, {{ method: m }}).then(a => a.status)))""")
        require(codes == [403] * 5, f"a viewer got {codes}")
        stored = b.evaluate(STORED % json.dumps("calls-" + VIEWER))
        require(stored == [], "a viewer's store has calls")
        self.log_out_page()
        self.log_in_page(OTHER, OTHER_PASSWORD, "Other Company")
        b.see("an empty list", "document.querySelectorAll('#devices-body tr[data-serial]').length === 0")
        codes = b.evaluate(f"""Promise.all([['GET','/metrics'],['GET','/calls'],['GET','/backups'],['DELETE','']].map(([m, p]) =>
          fetch('/api/devices/{SERIAL}' + p, {{ method: m }}).then(a => a.status)))""")
        require(codes == [404] * 4, f"another company got {codes}")
        claimed = b.evaluate(f"""fetch('/api/devices', {{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }},
          body: '{{"serial":"{SERIAL}","name":"mine"}}' }}).then(a => a.status)""")
        require(claimed == 409, f"another company added the paired appliance: {claimed}")
        self.log_out_page()
        self.step("accounts", "a viewer sees states and charts, 403 for call data, backups, accounts; another company sees nothing and gets 404 and 409")

    def policy(self):
        b = self.browser
        headers = next(e["params"]["response"]["headers"] for e in b.events if e["method"] == "Network.responseReceived" and e["params"]["response"]["url"] == f"http://{self.web}/")
        policy = {k.lower(): v for k, v in headers.items()}["content-security-policy"]
        require("default-src 'none'" in policy and "unsafe" not in policy, f"the policy is {policy}")
        # The page used nothing that the policy forbids; now something does.
        complaints = b.complaints()
        require(not complaints, f"the page complains: {complaints}")
        foreign = sorted({u for u in b.requests() if not u.startswith((f"http://{self.web}/", "blob:", "data:", "about:"))})
        require(not foreign, f"something was fetched elsewhere: {foreign}")
        refused = b.evaluate("""(() => { try { const s = document.createElement('script'); s.text = 'window.broken = 1'; document.body.append(s); } catch { }
          const i = document.createElement('img'); i.src = 'http://127.0.0.2/x.png'; document.body.append(i);
          return new Promise(ok => setTimeout(() => ok([window.broken ?? 0, i.complete && i.naturalWidth]), 500)); })()""")
        require(refused == [0, 0], f"the policy let through {refused}")
        self.step("policy", f"{len(b.requests())} requests, all to the page's own address; no complaint; an inline script and a foreign picture are refused")

    def guessing(self):
        """Wrong passwords cost more and more time; the right one does not help while the pause lasts."""
        statuses = []
        for _ in range(7):
            statuses.append(http("POST", f"http://{self.web}/api/session", {"login": OTHER, "password": "guess-guess-guess"})[0])
            if statuses[-1] == 429:
                break
        require(statuses[:5] == [401] * 5 and statuses[-1] == 429, f"guesses were answered {statuses}")
        require(http("POST", f"http://{self.web}/api/session", {"login": OTHER, "password": OTHER_PASSWORD})[0] == 429, "no pause for the right password")
        unknown = http("POST", f"http://{self.web}/api/session", {"login": "nobody", "password": "guess-guess-guess"})[0]
        require(unknown == 401, f"an unknown login was answered {unknown}")
        foreign = http("GET", f"http://{self.web}/api/devices")[0]
        require(foreign == 200, f"the owner's session ended: {foreign}")
        self.step("guessing", f"answers to wrong passwords: {statuses}; the owner's session goes on")

    def story(self):
        for chapter in (self.factory, self.cloud, self.appliance, self.page, self.add_appliance, self.charts, self.call_data, self.search_and_export,
                        self.kept_here_alone, self.backups, self.licences, self.german, self.accounts, self.policy, self.guessing):
            chapter()
        self.browser.end()
        self.stop()


def main():
    parser = story_parser(__doc__)
    parser.add_argument("--pictures", help="copy the pictures of the views here")
    options = parser.parse_args()
    end_on_signals()
    return played("control center", Centre(options.bin, keep=options.keep, pictures=options.pictures))


if __name__ == "__main__":
    sys.exit(main())
