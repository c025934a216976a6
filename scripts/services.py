#!/usr/bin/env python3
"""Updates, a crash and remote access, with the real programs.

An update is asked for only while the switch is on, with exactly the declared fields and without a certificate; a forged manifest, a
replayed one, one for another board, an older version and a truncated bundle are refused, each with its reason; a bundle that was
begun goes on where it stopped and is handed over.

Then pbxd is aborted in the middle of its work, with canaries in its memory. What is left of the crash holds none of them, is shown,
leaves only when the owner allows it, and is deleted.

Last the Control Center configures the appliance through the remote access server, which sees none of it; off cuts the connection
and refuses the credential."""
import hashlib
import json
import pathlib
import signal
import shutil
import sys
import time

from blindness import memory_holds
from demo import Demo, PASSWORD, SERIAL
from harness import end_on_signals, http, played, require, run, story_parser, until

CANARIES = {"name": b"Canary-Person-7391", "password": b"canary-password-5520", "serial": SERIAL.encode()}
DECLARED = {"externalAddress", "version", "operatingSystem", "installationId", "activationStatus"}
REPORT = {"make", "model", "codename", "osVersion", "language", "appVersion", "appName", "startTime", "crashDate"}


class Services(Demo):
    def configuration(self, text):
        """The demo's configuration with the further servers, and strict mode as the chapter wants it."""
        text = text.replace("Ada", CANARIES["name"].decode()).replace("ada-keeps-a-long-secret", CANARIES["password"].decode())
        cloud = (f'  update: "https://{self.listeners["update"]}"\n  crash: "https://{self.listeners["crash"]}"\n'
                 f'  remote_access: "{self.listeners["remote-access"]}"\n')
        return text.rstrip("\n") + "\n" + cloud + f"privacy: {{ strict: {'true' if self.strict else 'false'} }}\n"

    strict = True

    def write_config(self):
        super().write_config()
        path = pathlib.Path(self.config)
        path.write_text(self.configuration(path.read_text()))

    def refused(self, *arguments):
        done = self.ctl(*arguments, check=False, json_output=False)
        require(done.returncode != 0, f"pbxctl {' '.join(map(str, arguments))} was not refused: {done.stdout}")
        return done.stdout + done.stderr

    def log(self, server):
        path = self.directory / "cloud" / "logs" / f"{server}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    # --- updates

    def publish(self, version, content, board="process", pki=None, percent=100):
        bundle = self.directory / f"bundle-{version}"
        bundle.write_bytes(content)
        run([self.bin / "vendorcloud", "publish", "--pki", pki or self.pki, "--data", self.directory / "cloud", "--board", board,
             "--version", version, "--bundle", bundle, "--percent", percent])

    def served(self, board="process"):
        return self.directory / "cloud" / "updates" / f"linux-{board}"

    def questions(self):
        self.publish("1.1.0", b"x" * 1000)
        text = self.refused("update", "check")
        require("switch updates on" in text, f"with the switch off: {text}")
        require(not self.log("update"), "a question left although the switch is off")
        self.ctl("switch", "updates", "on")
        before = len(self.log("update"))
        self.publish("0.9.0", b"old" * 100)
        require("older than" in self.refused("update", "check"), "an older version was offered")
        line = self.log("update")[before]
        require(set(line["fields"]) == DECLARED, f"the question carries {sorted(line['fields'])}")
        require("peer" not in line and SERIAL not in json.dumps(line), f"the question names the appliance: {line}")
        self.step("question", f"nothing while off; then {len(DECLARED)} of {len(DECLARED)} fields, no certificate, no serial number; an older version is refused")

    def forgeries(self):
        strange = self.directory / "strange-pki"
        run([self.bin / "pbxctl", "pki", "dev", "--dir", strange])
        self.publish("1.1.0", b"x" * 1000, pki=strange)
        require("not the vendor's" in self.refused("update", "check"), "a forged manifest was believed")
        self.publish("1.1.0", b"x" * 1000, board="rpi4")
        for name in ("manifest.jws", "version"):
            shutil.copy(self.served("rpi4") / name, self.served() / name)
        require("for board 'rpi4'" in self.refused("update", "check"), "another board's manifest was taken")
        self.publish("1.1.0", b"x" * 1000, percent=0)
        self.ctl("update", "check")
        former = (self.served() / "manifest.jws").read_bytes()
        require("0 of 100" in self.refused("update", "install"), "a version that is held back was installed")
        time.sleep(1.1)  # times of issue are whole seconds
        self.publish("1.1.0", b"x" * 1000)
        self.ctl("update", "check")
        newest = (self.served() / "manifest.jws").read_bytes()
        (self.served() / "manifest.jws").write_bytes(former)
        require("repeats an old one" in self.refused("update", "check"), "a replayed manifest was believed")
        (self.served() / "manifest.jws").write_bytes(newest)
        self.step("forgeries", "another root, another board, held back, replayed: refused, each with its reason")

    def install(self):
        content = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(60_000))
        time.sleep(1.1)
        self.publish("1.2.0", content)
        (self.served() / "1.2.0").write_bytes(content[:-5])
        self.ctl("update", "check")
        self.ctl("update", "install")
        status = until("the truncated bundle's refusal", lambda: self.idle(), timeout=30)
        require("thrown away" in status["outcome"], f"a truncated bundle: {status['outcome']}")
        (self.served() / "1.2.0").write_bytes(content[:-1] + b"!")
        self.ctl("update", "install")
        status = until("the changed bundle's refusal", lambda: self.idle(), timeout=30)
        require("SHA-256" in status["outcome"], f"a changed bundle: {status['outcome']}")
        (self.served() / "1.2.0").write_bytes(content)
        begun = self.data / "fetched" / (hashlib.sha256(content).hexdigest()[:16] + ".part")
        begun.write_bytes(content[:700_000])
        self.ctl("update", "install")
        record = self.data / "installed.json"
        until("the hand-over", record.exists, timeout=30)
        installed = json.loads(record.read_text())
        require(installed["version"] == "1.2.0" and installed["sha256"] == hashlib.sha256(content).hexdigest(), f"handed over: {installed}")
        offset = [line["fields"]["offset"] for line in self.log("update") if line["what"] == "GET /v1/bundles"][-1]
        require(offset == 700_000, f"the download began at {offset}")
        status = self.ctl("update", "status")
        require(status["phase"] == "handed-over" and not list((self.data / "fetched").iterdir()), f"after the hand-over: {status}")
        self.step("bundle", f"truncated and changed ones thrown away; {len(content)} bytes fetched from byte {offset} on, handed to the installer's stand-in")

    def idle(self):
        status = self.ctl("update", "status")
        return status if status["phase"] == "idle" and "being fetched" not in (status.get("outcome") or "") else None

    # --- a crash

    def crash(self):
        known = memory_holds(self.pbx.process.pid, CANARIES)
        require(known == set(CANARIES), f"of the canaries only {known} are in pbxd's memory")
        self.pbx.process.send_signal(signal.SIGABRT)
        status = self.pbx.wait_exit()
        require(status == -signal.SIGABRT, f"pbxd ended with {status}")
        cores = [str(p) for p in self.data.rglob("core*")]
        require(not cores, f"the crash left {cores}")
        self.start_again()
        listed = self.ctl("crash", "list")
        require(len(listed["reports"]) == 1 and "crash-reports on" in listed["sending"], f"after the crash: {listed}")
        self.report = listed["reports"][0]
        require(set(self.report["fields"]) == REPORT, f"the report says {sorted(self.report['fields'])}")
        require(len(self.report["fields"]["crashDate"]) == 10, "the crash has more than a date")
        text = self.ctl("crash", "show", self.report["id"], json_output=False).encode()
        files = [*(self.data / "crashes").iterdir(), self.data / "running.json"]
        last_words = (self.directory / "pbxd.log").read_bytes()
        require(not any(CANARIES[name] in last_words for name in ("name", "password")), "a canary is among the last words")
        for name, canary in CANARIES.items():
            require(canary not in text and not any(canary in p.read_bytes() for p in files), f"the {name} is in what is left of the crash")
        self.step("crash", f"SIGABRT with {len(CANARIES)} canaries in memory: {len(REPORT)} fields of {len(REPORT)} and no canary, neither in it nor in the log; no core file")

    def start_again(self):
        self.pbx = self.start("pbxd", [self.bin / "pbxd", "run", "--config", self.config, "--data", self.data])
        self.sip = self.pbx.wait_for("ready")["listeners"]

    def sending(self):
        self.ctl("switch", "crash-reports", "on")
        require("strict" in self.ctl("crash", "list")["sending"], "strict mode does not hold the report back")
        time.sleep(0.5)
        require(not self.log("crash"), "a report left in strict mode")
        self.strict = False
        self.write_config()
        self.ctl("apply", self.config)
        lines = until("the report", lambda: self.log("crash"), timeout=20)
        require(set(lines[0]["fields"]) == REPORT and "peer" not in lines[0], f"the server got {lines[0]}")
        sent = {name: value for name, value in lines[0]["fields"].items()}
        require(sent == self.report["fields"], "what was sent is not what was shown")
        until("the report's deletion", lambda: not self.ctl("crash", "list")["reports"] and not list((self.data / "crashes").iterdir()))
        self.strict = True
        self.write_config()
        self.ctl("apply", self.config)
        self.pbx.terminate()
        self.start_again()
        require(not self.ctl("crash", "list")["reports"], "an orderly end counts as a crash")
        self.step("sending", "not in strict mode; sent as shown, without a certificate; deleted then; an orderly end leaves no report")

    # --- remote access

    def admin(self, method, path, body=None):
        status, _, content = http(method, self.api(f"/{SERIAL}/admin{path}"), body)
        return status, content

    def remote(self):
        status, content = self.admin("GET", "/v1/status")
        require(status == 409, f"remote access although it is off: {status} {content[:200]}")
        self.ctl("remote-access", "on", "--hours", "1")
        until("the way in", lambda: self.ctl("remote-access", "status")["state"] == "up")
        status, content = self.admin("GET", "/v1/status")
        require(status == 200 and json.loads(content)["serial"] == SERIAL, f"the status: {status} {content[:200]}")
        status, content = self.admin("PUT", "/v1/backup/plan", {"everyHours": 12})
        require(status == 200 and self.ctl("backup", "plan")["everyHours"] == 12, f"the plan: {status} {content[:200]}")
        closed = [("GET", "/v1/call-records", None), ("GET", "/v1/ledger", None), ("PUT", "/v1/switches/backup", {"on": True}),
                  ("PUT", "/v1/backup/password", {"password": "x"}), ("POST", "/v1/session", {"password": "x"}),
                  ("PUT", "/v1/remote-access", {"on": True, "hours": 100}), ("POST", "/v1/restore", {"path": "/etc/passwd", "password": "x"})]
        for method, path, body in closed:
            status, content = self.admin(method, path, body)
            require(status == 403, f"{method} {path} is open to a remote session: {status} {content[:200]}")
        log = json.loads((self.directory / "cloud" / "remote-access-log.json").read_text())
        require(len(log["originals"]) == len(closed) + 2 and log["originals"][0]["address"] == "127.0.0.1", f"the access log: {log}")
        require({line["address"] for line in log["anonymised"]} == {"127.0.0.0"}, f"the anonymised copy: {log['anonymised']}")
        passed = json.dumps(self.log("remote-access"))
        require("everyHours" not in passed and "/v1/status" not in passed, "the remote access server reads sessions")
        entries = until("the ledger", lambda: [e for e in self.ctl("ledger") if e["flow"] == "F-C10" and e["bytes"]] or None)
        require(all(e["fields"] == ["adminSession"] for e in entries), f"the ledger: {entries}")
        self.step("remote access", f"409 while off; configured through it; {len(closed)} closed paths stay closed; log with /24 copy; "
                  f"{len(entries)} ledger entries, {sum(e['bytes'] for e in entries)} bytes")

    def closing(self):
        self.ctl("remote-access", "off")
        status, _ = self.admin("GET", "/v1/status")
        require(status != 200, f"after switching off: {status}")
        until("the server's knowledge", lambda: self.admin("GET", "/v1/status")[0] == 409, timeout=5)
        require(self.ctl("remote-access", "status")["state"] == "off", "it is not off")
        self.ctl("remote-access", "on", "--hours", "0.001")
        time.sleep(4)
        until("the end of its time", lambda: self.ctl("remote-access", "status")["state"] == "off", timeout=10)
        until("the server's knowledge", lambda: self.admin("GET", "/v1/status")[0] == 409, timeout=5)
        verified = self.ctl("ledger", "verify", json_output=False)
        self.step("closing", f"off: gone at once; a time of four seconds ends by itself; {verified.strip().splitlines()[0]}")

    def story(self):
        for chapter in (self.factory, self.cloud, self.appliance, self.questions, self.forgeries, self.install, self.crash, self.sending,
                        self.pairing, self.remote, self.closing, self.stop):
            chapter()


def main():
    options = story_parser(__doc__).parse_args()
    end_on_signals()
    return played("services", Services(options.bin, keep=options.keep))


if __name__ == "__main__":
    sys.exit(main())
