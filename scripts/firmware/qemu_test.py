#!/usr/bin/env python3
"""The demo story through a board in the emulator.

Vendor cloud and softphones run on the host; the appliance is the image, booted by U-Boot on a Cortex-A53 with 512 MiB. Chapters:
boot, story (pairing, backup and restore, a transcoded call, ten calls at once)."""
import argparse
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys

from board import HOSTS, TREE, Board, configuration

sys.path.insert(0, str(TREE / "scripts"))
from demo import Demo, MODEL, SERIAL, TONE_A, TONE_B  # noqa: E402
from harness import Failed, end_on_signals, played, require, run, until  # noqa: E402

CALLS = 10
OWNER = "an owner's long password"


class GuestStory(Demo):
    """The demo's chapters with the board in place of the local process: its administration goes over HTTPS."""

    def __init__(self, binaries, options, **more):
        super().__init__(binaries, **more)
        self.options = options
        self.board = Board(options.image, self.directory / "board")
        self.figures = {}

    # --- what the chapters of the demo call

    def ctl(self, *arguments, json_output=True, check=True, **_):
        words = [str(a) for a in arguments]
        secret = pathlib.Path(words[words.index("--password-file") + 1]).read_text().strip() if "--password-file" in words else None
        code = words[words.index("--code") + 1] if "--code" in words else None
        match words:
            case ["switch", name, state]: call = ("PUT", f"/v1/switches/{name}", {"on": state == "on"})
            case ["status"]: call = ("GET", "/v1/status", None)
            case ["pair", *_]: call = ("POST", "/v1/pairing/code", {"code": code})
            case ["backup", "set-password", *_]: call = ("PUT", "/v1/backup/password", {"password": secret})
            case ["backup", "now"]: call = ("POST", "/v1/backups", {})
            case ["restore", name, *_]: call = ("POST", "/v1/restore", {"id": name, "password": secret})
            case ["provision", extension]: call = ("POST", "/v1/provisioning/tokens", {"extension": extension})
            case ["records"]: call = ("GET", "/v1/call-records", None)
            case ["ledger"]: call = ("GET", "/v1/ledger", None)
            case ["apply", path]:
                status, answer = self.board.call("PUT", "/v1/settings", raw=pathlib.Path(path).read_bytes(), timeout=120)
                require(status == 200, f"applying settings: {status} {answer}")
                return answer
            case _: raise Failed(f"no such request: {words}")
        status, answer = self.board.call(*call, timeout=300)
        if not check:
            return subprocess.CompletedProcess(words, 0 if status < 300 else 1, answer, "")
        require(status < 300, f"{words[0]}: {status} {answer}")
        for key in ("records", "entries", "backups"):
            if words[0] in ("records", "ledger") and isinstance(answer, dict) and key in answer:
                return answer[key]
        return answer

    def factory(self):
        self.factory_image, self.label = self.board.make_factory(SERIAL, MODEL, self.pki)
        self.step("factory", f"partition for {SERIAL} made; its label says {self.label}")

    def write_config(self, more=""):
        self.config = self.directory / "appliance.yaml"
        self.config.write_text(configuration(self.cloud_settings(), more=more))

    def cloud_settings(self):
        port = {name: self.listeners[name].rsplit(":", 1)[1] for name in ("relay", "control-center", "backup", "monitoring")}
        return f"""cloud:
  relay: "relay.vendor.example:{port['relay']}"
  control_center: "https://control-center.vendor.example:{port['control-center']}"
  backup: "https://backup.vendor.example:{port['backup']}"
  monitoring: "https://monitoring.vendor.example:{port['monitoring']}"
  monitoring_interval: 2
"""

    def boot(self):
        self.write_config()
        self.board.flash(self.factory_image)
        self.board.configure({"appliance.yaml": self.config.read_text(), "hosts": HOSTS})
        self.board.start()
        sip = self.board.sip_answer()
        self.figures["load of this machine then"] = round(os.getloadavg()[0], 1)
        since_kernel = sip - self.board.kernel_started
        kernel = re.search(r"slot A version (\S+) started at ([\d.]+) s", self.board.log())
        https = self.board.wait_ready()
        self.figures["power to first SIP answer, s"] = round(sip, 1)
        self.figures["kernel's start to first SIP answer, s"] = round(since_kernel, 2)
        port = self.board.ports()
        self.sip = {"sip-udp": f"127.0.0.1:{port['sip']}", "sip-tcp": f"127.0.0.1:{port['sip']}", "sips": f"127.0.0.1:{port['sips']}"}
        self.step("boot", f"OPTIONS answered {sip:.1f} s after power, {since_kernel:.2f} s after the kernel's start, HTTPS after {https:.1f} s; scripts done {kernel.group(2) if kernel else '?'} s after the kernel's start")

    def owner(self):
        status, _ = self.board.call("GET", "/v1/status")
        require(status == 401, f"a stranger's request for the status was answered with {status}")
        wrong = ("0" if self.label[0] != "0" else "1") + self.label[1:]
        status, _ = self.board.call("POST", "/v1/owner", {"code": wrong, "password": OWNER}, timeout=120)
        require(status == 403, f"a wrong label code was answered with {status}")
        self.board.claim(self.label, OWNER)
        status, _ = self.board.call("POST", "/v1/owner", {"code": self.label, "password": "another long password"}, timeout=120)
        require(status == 409, f"a second owner was answered with {status}")
        status, _ = self.board.call("POST", "/v1/session", {"password": "not the password"}, timeout=120)
        require(status == 403, f"a wrong password was answered with {status}")
        self.board.sign_in(OWNER)
        require(self.ctl("status")["serial"] == SERIAL, "the status names another serial")
        self.step("owner", "no password by default; wrong code and wrong password refused, the label's code worked once")

    def confirmed(self, slot="A"):
        self.board.wait_log(rf"slot {slot} confirmed")
        self.board.wait_log(r"idle memory")
        memory = re.findall(r"idle memory VmRSS: (\d+) kB", self.board.log())
        if memory:
            self.figures["resident memory idle, kB"] = int(memory[-1])
        counters = self.board.counters()
        require(counters.get(f"BOOT_{slot}_LEFT") == "3", f"the counters say {counters}")
        self.step("confirmed", f"slot {slot} passed its self-test, counters {counters}, {memory[-1] if memory else '?'} kB resident")

    def restore(self):
        self.write_config(more='\n  - { extension: "102", name: Eve, password: "eve-was-added-later!" }')
        self.ctl("apply", self.config)
        require(self.ctl("status")["users"] == 3, "the third user was not added")
        wrong = self.directory / "wrong-password"
        wrong.write_text("not the password")
        refused = self.ctl("restore", self.backup_id, "--password-file", wrong, check=False)
        require(refused.returncode != 0 and self.ctl("status")["users"] == 3, "a wrong password changed something")
        self.ctl("restore", self.backup_id, "--password-file", self.password_file)

        def back():
            try:
                return self.board.answers() and (s := self.ctl("status"))["users"] == 2 and s
            except (OSError, Failed, ssl.SSLError):
                return None
        state = until("the restored appliance", back, 300, 1)
        require(state["pairing"] == "paired", "the pairing did not survive the restore")
        self.step("restore", "wrong password refused with nothing touched; right one restored over the network, two users again")

    def call(self):
        """As in the demo, but both telephones register directly: by the relay the appliance learns a telephone's address on the
        host, and would not believe packets that come from the emulator's translator instead."""
        token = self.ctl("provision", "100")["token"]
        relay = ["--relay", self.listeners["public"], "--server-name", f"s{SERIAL.lower()}.pbx.relay.example", "--ca", self.pki / "root.pem"]
        account = self.directory / "account.xml"
        run([self.bin / "softphone", "provision", *relay, "--token", token, "--out", account], timeout=120)
        self.step("provisioning", "a telephone's file fetched through the relay, TLS end to end")
        secret = self.directory / "bob-password"
        secret.write_text("bob-keeps-a-long-secret")
        bob = self.phone("bob", "answer", "--server", self.sip["sip-udp"], "--transport", "udp", "--user", "101", "--password-file", secret,
                         "--codec", "pcmu", "--tone", TONE_B)
        bob.wait_for("registered", 60)
        ada = self.phone("ada", "call", "101", "--account", account, "--server", self.sip["sip-tcp"], "--transport", "tcp", "--codec", "opus",
                         "--tone", TONE_A, "--seconds", "6")
        answered = ada.wait_for("established", 60)
        ended_a, ended_b = ada.wait_for("ended", 60), bob.wait_for("ended", 60)
        for name, end, expected in (("Ada", ended_a, TONE_B), ("Bob", ended_b, TONE_A)):
            require(abs(end["heardHertz"] - expected) <= 10, f"{name} heard {end['heardHertz']} Hz, expected {expected}: {end}")
            require(end["packetsReceived"] > 100, f"{name} received {end['packetsReceived']} packets")
        self.step("call", f"Opus to G.711 through the guest: {answered.get('codec', 'opus')}, Ada heard {ended_a['heardHertz']:.0f} Hz, Bob heard "
                  f"{ended_b['heardHertz']:.0f} Hz, lost {ended_a['packetsLost']}/{ended_b['packetsLost']} packets")

    def calls(self):
        """Ten calls at once to the echo, and what the appliance takes of memory meanwhile."""
        secret = self.directory / "ada-password"
        secret.write_text("ada-keeps-a-long-secret")
        since, phones = len(self.board.log()), []
        for number in range(CALLS):
            phones.append(self.phone(f"caller-{number}", "call", "600", "--server", self.sip["sip-udp"], "--transport", "udp", "--user", "100",
                                     "--password-file", secret, "--codec", "pcmu", "--tone", str(TONE_A), "--seconds", "45"))
        for phone in phones:
            phone.wait_for("established", 120)
        ended = [phone.wait_for("ended", 180) for phone in phones]
        require(all(end["packetsReceived"] > 100 for end in ended), f"packets received: {[end['packetsReceived'] for end in ended]}")
        seen = [int(kilobytes) for kilobytes in re.findall(r"pbx: memory VmRSS: (\d+) kB", self.board.log()[since:])]
        before = int(re.findall(r"memory VmRSS: (\d+) kB", self.board.log()[:since])[-1])
        self.figures["resident memory with ten calls, kB"] = max([before, *seen])
        self.step("calls", f"ten at once to the echo, {min(end['packetsReceived'] for end in ended)} packets back at least; resident {before} kB before, "
                  f"{max([before, *seen])} kB at most")

    def story(self):
        chapters = {
            "boot": [self.factory, self.cloud, self.boot, self.confirmed, self.owner],
            "story": [self.pairing, self.backup, self.restore, self.call, self.calls],
        }
        try:
            for name in self.options.chapters:
                for part in chapters[name]:
                    part()
        finally:
            self.board.pull()
            if self.options.figures:
                pathlib.Path(self.options.figures).write_text(json.dumps(self.figures, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="directory with vendorcloud and softphone for this machine")
    parser.add_argument("--image", required=True, help="directory of `make image`")
    parser.add_argument("--keep", help="keep data and logs in this directory")
    parser.add_argument("--figures", help="write the measured figures to this file (JSON)")
    parser.add_argument("--chapters", nargs="+", default=["boot", "story"], choices=["boot", "story"])
    options = parser.parse_args()
    end_on_signals()
    return played("qemu-test", GuestStory(options.bin, options, keep=options.keep))


if __name__ == "__main__":
    sys.exit(main())
