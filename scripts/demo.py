#!/usr/bin/env python3
"""The whole story on loopback: vendor cloud and appliance come up, are paired by a typed code, send monitoring, back up and
restore, provision a softphone through the relay, and carry a call between an Opus and a G.711 client.

Each step prints what was verified. Exit status 0 only if all hold; no process and no file stays behind (except with --stay)."""
import json
import pathlib
import re
import signal
import sys
import time

from harness import Story, end_on_signals, get_json, http, log_in, open_url, played, require, run, story_parser, until

SERIAL, MODEL = "8A5K204711", "PBX-48"
PASSWORD = "correct horse battery staple"
TONE_A, TONE_B = 1000, 440
# The Control Center's first user.
OWNER, OWNER_NAME, OWNER_PASSWORD, COMPANY = "olga", "Olga Owner", "a-password-for-loopback", "Example Company"

CONFIG = """appliance: {{ edition: next }}
sip:
  listen:
    - {{ transport: udp, address: 127.0.0.1, port: {sip} }}
    - {{ transport: tcp, address: 127.0.0.1, port: {sip} }}
    - {{ transport: tls, address: 127.0.0.1, port: {sips} }}
media: {{ address: 127.0.0.1, ports: 16384-17383 }}
https: {{ listen: {{ address: 127.0.0.1, port: {https} }} }}
features: {{ echo: "600" }}
users:
  - {{ extension: "100", name: Ada, password: "ada-keeps-a-long-secret" }}
  - {{ extension: "101", name: Bob, password: "bob-keeps-a-long-secret" }}{more}
cloud:
  relay: "{relay}"
  control_center: "https://{control_center}"
  backup: "https://{backup}"
  monitoring: "https://{monitoring}"
  monitoring_interval: 2
"""


class Demo(Story):
    def __init__(self, binaries, **options):
        super().__init__(**options)
        self.bin = pathlib.Path(binaries).resolve()
        self.data, self.pki = self.directory / "appliance", self.directory / "pki"
        self.password_file = self.directory / "backup-password"

    def ctl(self, *arguments, json_output=True, **options):
        out = run([self.bin / "pbxctl", *arguments, "--data", self.data] + (["--json"] if json_output else []), **options)
        return json.loads(out) if json_output and isinstance(out, str) else out

    def api(self, path):
        return f"http://{self.web}/api/devices{path}"

    def device_state(self):
        """The Control Center's state of our appliance; None before it was added."""
        return next((d["state"] for d in get_json(self.api(""))["devices"] if d["serial"] == SERIAL), None)

    # --- one method per chapter

    def factory(self):
        run([self.bin / "pbxctl", "pki", "dev", "--dir", self.pki])
        run([self.bin / "pbxctl", "factory", "init", "--hal", self.data, "--serial", SERIAL, "--model", MODEL, "--pki", self.pki])
        subject = run(["openssl", "x509", "-in", self.data / "factory" / "device.pem", "-noout", "-subject"])
        require(f"serialNumber = {SERIAL}" in subject, f"the device certificate's subject is {subject}")
        self.step("factory", f"device certificate issued, subject serialNumber {SERIAL}, key stays in the HAL")

    def account(self, data):
        run([self.bin / "vendorcloud", "add-account", "--data", data, "--login", OWNER, "--name", OWNER_NAME, "--company", COMPANY],
            stdin=OWNER_PASSWORD + "\n")

    def cloud(self, web_port=0):
        ports = ["--relay-port", 0, "--public-port", 0, "--backup-port", 0, "--monitoring-port", 0, "--control-center-port", 0,
                 "--relay-service-port", 0, "--web-port", web_port]
        self.account(self.directory / "cloud")
        self.vendor = self.start("vendorcloud", [self.bin / "vendorcloud", "run", "--pki", self.pki, "--data", self.directory / "cloud", *ports])
        self.listeners = self.vendor.wait_for("ready")["listeners"]
        self.web = self.listeners["web"]
        status, kind, page = http("GET", f"http://{self.web}/")
        require(status == 200 and b"<html" in page.lower(), f"the Control Center page answered {status} {kind}")
        require(http("GET", self.api(""))[0] == 401, "the list of appliances is shown without a log-in")
        log_in(self.web, OWNER, OWNER_PASSWORD)
        self.step("vendor cloud", f"{len(self.listeners)} listeners up, Control Center page at http://{self.web}/")

    def appliance(self, ports=None):
        self.ports = ports or {"sip": 0, "sips": 0, "https": 0}
        self.write_config()
        self.pbx = self.start("pbxd", [self.bin / "pbxd", "run", "--config", self.config, "--data", self.data])
        ready = self.pbx.wait_for("ready")
        self.sip = ready["listeners"]
        require(ready["serial"] == SERIAL, f"the ready line names serial {ready['serial']}")
        self.step("appliance", f"ready, serial {SERIAL}, SIP at {self.sip['sip-udp']} (UDP), {self.sip['sip-tcp']} (TCP), {self.sip['sips']} (TLS)")

    def write_config(self, more=""):
        self.config = self.directory / "appliance.yaml"
        cloud = {name.replace("-", "_"): address for name, address in self.listeners.items()}
        self.config.write_text(CONFIG.format(more=more, **self.ports, **{k: cloud[k] for k in ("relay", "control_center", "backup", "monitoring")}))

    def pairing(self):
        status, _, body = http("POST", self.api(""), {"serial": SERIAL, "name": "Head office"})
        require(status in (200, 201), f"adding the PBX by serial: {status} {body[:200]!r}")
        code = json.loads(body)["code"]
        require(re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", code), f"the code has the form {code}")
        self.ctl("switch", "relay", "on")
        self.ctl("switch", "control-center", "on")
        until("the offer's arrival at the appliance", lambda: self.ctl("status")["pairing"] == "offered")
        self.step("pairing offer", f"serial added in the Control Center, code {code} shown, its hash reached the appliance through the relay")
        typo = code[:-1] + ("0" if code[-1] != "0" else "1")
        refused = self.ctl("pair", "--code", typo, check=False, json_output=False)
        require(refused.returncode != 0, "a mistyped code was accepted")
        self.ctl("pair", "--code", code)
        state = until("the pairing", lambda: (s := self.ctl("status"))["pairing"] == "paired" and s)
        self.pairing_user = state["pairingUser"]
        require(re.fullmatch(r"ccc-[0-9a-z]{8}", self.pairing_user), f"the pairing user is called {self.pairing_user}")
        until("state 'paired' in the Control Center", lambda: self.device_state() == "paired")
        self.step("pairing", f"typo refused, code accepted, pairing user {self.pairing_user} made, Control Center says paired")

    def monitoring(self):
        self.ctl("switch", "monitoring", "on")

        def shown():
            status, _, body = http("GET", self.api(f"/{SERIAL}/metrics"))
            names = {point["name"] for point in json.loads(body)["points"]} if status == 200 else set()
            return names if "system.cpu.utilization" in names else None
        names = until("metrics in the Control Center", shown)
        missing = {"system.memory.usage", "system.filesystem.usage", "system.uptime", "pbx.calls.active", "pbx.registrations"} - names
        require(not missing, f"metrics lack {missing}")
        self.step("monitoring", f"{len(names)} metrics received by the monitoring server and shown in the Control Center")

    def backup(self):
        self.password_file.write_text(PASSWORD)
        self.ctl("switch", "backup", "on")
        self.ctl("backup", "set-password", "--password-file", self.password_file)
        entry = self.ctl("backup", "now", timeout=120)
        self.backup_id = entry["id"]
        listed = get_json(self.api(f"/{SERIAL}/backups"))["backups"]
        require(any(b["id"] == self.backup_id for b in listed), f"the Control Center lists {listed}")
        status, _, ciphertext = http("GET", self.api(f"/{SERIAL}/backups/{self.backup_id}/content"))
        require(status == 200 and ciphertext.startswith(b"age-encryption.org/v1"), f"the stored backup is not an age file ({status})")
        require(b"ada-keeps" not in ciphertext and b"Ada" not in ciphertext, "the stored backup holds readable text")
        self.step("backup", f"id {self.backup_id}, {entry['sizeBytes']} bytes of age ciphertext, listed by the server, unreadable there")

    def restore(self):
        self.write_config(more='\n  - { extension: "102", name: Eve, password: "eve-was-added-later!" }')
        self.ctl("apply", self.config)
        require(self.ctl("status")["users"] == 3, "the third user was not added")
        wrong = self.directory / "wrong-password"
        wrong.write_text("not the password")
        refused = self.ctl("restore", self.backup_id, "--password-file", wrong, check=False, json_output=False, timeout=120)
        require(refused.returncode != 0 and self.ctl("status")["users"] == 3, "a wrong password changed something")
        self.write_config()
        self.ctl("restore", self.backup_id, "--password-file", self.password_file, json_output=False, timeout=120)
        self.sip = self.pbx.wait_for("ready")["listeners"]
        state = until("the restored appliance", lambda: self.ctl("status"))
        require(state["users"] == 2, f"{state['users']} users after the restore, expected 2")
        require(state["pairing"] == "paired", "the pairing did not survive the restore")
        self.step("restore", "wrong password refused with nothing touched; right one verified, switched, restarted: 2 users again")

    def phone(self, name, *arguments):
        return self.start(name, [self.bin / "softphone", *arguments, "--json"])

    def call(self):
        token = self.ctl("provision", "100")["token"]
        wav = self.directory / "heard.wav"
        relay = ["--relay", self.listeners["public"], "--server-name", f"s{SERIAL.lower()}.pbx.relay.example", "--ca", self.pki / "root.pem"]
        bad = run([self.bin / "softphone", "provision", *relay, "--token", "A" * 32], check=False)
        require(bad.returncode != 0, "an unknown token got a provisioning file")
        account = self.directory / "account.xml"
        run([self.bin / "softphone", "provision", *relay, "--token", token, "--out", account])
        require("<account>" in account.read_text(), "the provisioning file holds no account")
        self.step("provisioning", "through the relay, TLS end to end; an unknown token was refused")
        bob_password = self.directory / "bob-password"
        bob_password.write_text("bob-keeps-a-long-secret")
        bob = self.phone("bob", "answer", "--server", self.sip["sip-udp"], "--transport", "udp", "--user", "101", "--password-file", bob_password,
                         "--codec", "pcmu", "--tone", TONE_B)
        bob.wait_for("registered")
        ada = self.phone("ada", "call", "101", "--account", account, *relay, "--codec", "opus", "--tone", TONE_A, "--seconds", "4", "--record", wav)
        ada.wait_for("registered")
        until("both registrations", lambda: self.ctl("status")["registrations"] == 2)
        answered = ada.wait_for("established")
        ended_a, ended_b = ada.wait_for("ended"), bob.wait_for("ended")
        require(ada.wait_exit() == 0, "the calling softphone failed")
        for name, end, expected in (("Ada", ended_a, TONE_B), ("Bob", ended_b, TONE_A)):
            require(abs(end["heardHertz"] - expected) <= 10, f"{name} heard {end['heardHertz']} Hz, expected {expected}: {end}")
            require(end["packetsReceived"] > 100, f"{name} received {end['packetsReceived']} packets")
        require(wav.stat().st_size > 44 + 8000 * 2 * 2, "the recording is too short")
        self.step("call", f"Opus (through the relay) to G.711: {answered.get('codec', 'opus')}, Ada heard {ended_a['heardHertz']:.0f} Hz, "
                  f"Bob heard {ended_b['heardHertz']:.0f} Hz, lost {ended_a['packetsLost']}/{ended_b['packetsLost']} packets")

    def call_data(self):
        self.ctl("switch", "call-data", "on")
        record = until("the call record", lambda: next((r for r in self.ctl("records") if r["connectedUserNumber"] == "101"), None))
        require(record["success"] and record["length"] >= 3 and record["userNumber"] == "100", f"the record says {record}")
        require(len(record["quality"]) == 2, "the record lacks the figures of both legs")
        with open_url("GET", self.api(f"/{SERIAL}/calls"), timeout=20) as stream:
            deadline = time.monotonic() + 20
            line = b""
            while b'"connectedUserNumber"' not in line and time.monotonic() < deadline:
                line = stream.readline()
        require(b'"101"' in line, f"the call data stream sent {line!r}")
        self.step("call data", f"record {record['CallDataId']} streamed through the Control Center to a browser's connection, stored nowhere on the way")

    def ledger(self):
        entries = self.ctl("ledger")
        flows = sorted({e["flow"] for e in entries})
        missing = {"F-C3", "F-C5", "F-C6", "F-C7", "F-C8", "F-S3", "F-S5"} - set(flows)
        require(not missing, f"the ledger lacks {missing}, it has {flows}")
        self.ctl("ledger", "verify", json_output=False)
        self.step("ledger", f"{len(entries)} entries, hash chain verified, flows {' '.join(flows)}")

    def unpair(self):
        self.ctl("switch", "control-center", "off")
        require(self.ctl("status")["pairing"] == "unpaired", "still paired after the switch went off")
        until("the Control Center's notice", lambda: self.device_state() != "paired")
        found = [str(p) for p in self.data.rglob("*") if p.is_file() and self.pairing_user.encode() in p.read_bytes()]
        require(not found, f"the pairing user's name is still in {found}")
        self.step("control center off", f"{self.pairing_user} is in no byte of the data directory, pairing starts from zero")

    def stop(self):
        status = self.pbx.terminate()
        require(status == 0, f"pbxd ended with {status} on SIGTERM\n{self.pbx.tail()}")
        status = self.vendor.terminate()
        require(status == 0, f"vendorcloud ended with {status} on SIGTERM\n{self.vendor.tail()}")
        self.step("stop", "both ended with status 0 on SIGTERM")

    def story(self):
        for chapter in (self.factory, self.cloud, self.appliance, self.pairing, self.monitoring, self.backup, self.restore, self.call,
                        self.call_data, self.ledger, self.unpair, self.stop):
            chapter()

    def stay(self):
        self.factory()
        self.cloud(web_port=7480)
        self.appliance(ports={"sip": 5060, "sips": 5061, "https": 8443})
        self.ctl("switch", "relay", "on")
        ctl = f"{self.bin}/pbxctl"
        print(f"""
Control Center:  http://{self.web}/     (log in as {OWNER}, {OWNER_PASSWORD}; add the PBX with serial {SERIAL}; it shows a code)
Then, in another terminal:
  export PBX_DATA={self.data}
  {ctl} switch control-center on
  {ctl} pair --code XXXX-XXXX-XXXX
  {ctl} switch monitoring on
  {ctl} status
Telephones:      SIP {self.sip['sip-udp']}, users 100 (Ada, ada-keeps-a-long-secret) and 101 (Bob, bob-keeps-a-long-secret), echo 600
Logs and data:   {self.directory}
Ctrl-C ends it.""", flush=True)
        while True:
            signal.pause()


def main():
    parser = story_parser(__doc__)
    parser.add_argument("--stay", action="store_true", help="bring everything up and wait for Ctrl-C")
    parser.add_argument("--quiet", action="store_true", help="print the last line only")
    options = parser.parse_args()
    end_on_signals()
    demo = Demo(options.bin, quiet=options.quiet, keep=options.keep)
    if not options.stay:
        return played("demo", demo)
    status = played("demo", demo, demo.stay)
    return 0 if status == 130 else status  # Ctrl-C is how it ends


if __name__ == "__main__":
    sys.exit(main())
