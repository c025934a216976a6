#!/usr/bin/env python3
"""The appliance against software that we did not write: SIPp, baresip, tshark, age, tar, openssl, curl.

Each check prints what the other side saw. All traffic is on loopback, every load is bounded, and every process started
here is ended by its pid. Exit status 0 only if every check holds."""
import json
import os
import pathlib
import pty
import re
import select
import socket
import sys

from baresip import Baresip
from capture import Capture
from demo import PASSWORD, SERIAL, Demo
from harness import end_on_signals, free_port, http, played, require, run, story_parser, until

SCENARIOS = pathlib.Path(__file__).resolve().parent.parent / "Benchmarks" / "peers" / "sipp"
USERS = {"100": "ada-keeps-a-long-secret", "101": "bob-keeps-a-long-secret"}


class Interop(Demo):
    # --- captures

    def record(self):
        self.capture = Capture(self.directory)

    def inspect(self):
        port = self.sip["sip-udp"].rsplit(":", 1)[1]
        base = ["tshark", "-r", self.capture.finish(), "-d", f"udp.port=={port},sip", "-o", "rtp.heuristic_rtp:TRUE"]
        counts = {name: len(run([*base, "-Y", name, "-T", "fields", "-e", "frame.number"], timeout=120).split()) for name in ("sip", "rtp")}
        require(counts["sip"] > 20 and counts["rtp"] > 200, f"the capture holds too little: {counts}")
        bad = run([*base, "-Y", "(sip or rtp or rtcp) and (_ws.malformed or _ws.expert.severity == error)", "-T", "fields", "-e", "frame.number",
                   "-e", "_ws.expert.message"], timeout=120).strip()
        require(not bad, f"tshark finds malformed packets:\n{bad[:2000]}")
        self.step("tshark", f"{counts['sip']} SIP and {counts['rtp']} RTP packets, none malformed")

    # --- SIPp

    def sipp(self, scenario, rows, *extra, port=None, calls=None):
        table = self.directory / f"{scenario}.csv"
        table.write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
        return run(["sipp", self.sip["sip-udp"], "-sf", SCENARIOS / f"{scenario}.xml", "-inf", table, "-m", calls or len(rows), "-r", 20,
                    "-i", "127.0.0.1", "-p", port or free_port(), "-nostdin", "-timeout", "30s", "-timeout_error", "-recv_timeout", 8000, *extra],
                   timeout=60)

    def sipp_calls(self):
        callee_port = free_port()
        auth = {user: f"[authentication username={user} password={secret}]" for user, secret in USERS.items()}
        self.sipp("register", [f"101;pbx.example;{auth['101']}"], port=callee_port)
        answering = self.start("sipp-uas", ["sipp", "-sf", SCENARIOS / "uas.xml", "-i", "127.0.0.1", "-p", callee_port, "-m", 10, "-nostdin",
                                            "-timeout", "40s", "-timeout_error"])
        until("SIPp's socket", lambda: f":{callee_port:04X}" in open("/proc/net/udp").read())
        self.sipp("uac", [f"100;pbx.example;{auth['100']};101"], "-d", 200, calls=10)
        require(answering.wait_exit(30) == 0, f"the answering SIPp failed\n{answering.tail()}")
        wrong = run(["sipp", self.sip["sip-udp"], "-sf", SCENARIOS / "register.xml", "-inf", self.wrong_table(), "-m", 1, "-i", "127.0.0.1", "-p",
                     free_port(), "-nostdin", "-timeout", "10s"], check=False, timeout=30)
        require(wrong.returncode != 0, "SIPp registered with a wrong password")
        self.step("SIPp", "registered with digest, 10 calls of 10 set up and ended through the appliance, wrong password refused")

    def wrong_table(self):
        table = self.directory / "wrong.csv"
        table.write_text("SEQUENTIAL\n101;pbx.example;[authentication username=101 password=wrong]\n")
        return table

    # --- baresip

    def baresip_call(self):
        server = self.sip["sip-udp"]
        bob = Baresip(self, "bob-baresip", "101", USERS["101"], server, codec="PCMU/8000/1", hertz=440)
        ada = Baresip(self, "ada-baresip", "100", USERS["100"], server, codec="opus/48000/2", hertz=1000, answers=False)
        until("both registrations", lambda: self.ctl("status")["registrations"] >= 2, 15)
        ada.dial("101")
        call = until("the established call", lambda: next((c for c in self.ctl("calls") if c["state"] == "talking" and c["seconds"] >= 4), None), 30)
        for phone in (ada, bob):
            phone.end()
        self.step("baresip", f"{call['codecs']}: the Opus side heard {ada.hears(440)} Hz, the PCMU side {bob.hears(1000)} Hz")

    # --- age, tar

    def open_backup(self):
        stored = self.directory / "cloud"
        status, _, ciphertext = http("GET", self.api(f"/{SERIAL}/backups/{self.backup_id}/content"))
        require(status == 200, f"fetching the backup: {status}")
        backup = self.directory / "backup.age"
        backup.write_bytes(ciphertext)
        keys = [p for p in stored.rglob("*") if p.is_file() and "key" in str(p) and p.read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt")]
        require(keys, "the encrypted backup identity is not on the backup server")
        plain = self.age(["age", "-d", "-o", str(self.directory / "backup.tar.gz"), "-i", str(keys[0]), str(backup)], PASSWORD)
        require(plain == 0, "age could not open the backup with the password")
        require(self.age(["age", "-d", "-o", os.devnull, "-i", str(keys[0]), str(backup)], "wrong") != 0, "age opened it with a wrong password")
        names = run(["tar", "tzf", self.directory / "backup.tar.gz"]).split()
        require("manifest.json" in names, f"tar lists {names}")
        manifest = json.loads(run(["tar", "xzOf", self.directory / "backup.tar.gz", "manifest.json"]))
        require(manifest["serial"] == SERIAL, f"the manifest says {manifest}")
        self.step("age and tar", f"stock tools open the backup with the password: {' '.join(names)}; a wrong password does not")

    def age(self, arguments, password):
        """age asks on the terminal: give it one, and the password."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvp(arguments[0], arguments)
        seen, sent = b"", False
        while True:
            ready, _, _ = select.select([terminal], [], [], 60)
            try:
                chunk = os.read(terminal, 4096) if ready else b""
            except OSError:
                chunk = b""
            if not chunk:
                break
            seen += chunk
            if not sent and b"passphrase" in seen.lower():
                os.write(terminal, password.encode() + b"\n")
                sent = True
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    # --- openssl, curl

    def tls(self):
        s_client = ["openssl", "s_client", "-CAfile", self.pki / "root.pem", "-verify_return_error"]
        for name, address in (("sips", self.sip["sips"]), ("https", self.sip["https"])):
            ca = ["openssl", "s_client", "-connect", address, "-CAfile", self.data / "factory" / "vendor-root.pem", "-verify_return_error", "-tls1_3"]
            shown = run(ca, stdin="", check=False, timeout=20)
            require("TLSv1.3" in shown.stdout and "Verify return code: 0" in shown.stdout, f"{name}: {shown.stdout[-800:]}{shown.stderr[-800:]}")
        own = ["-cert", self.data / "factory" / "device.pem", "-cert_chain", self.data / "factory" / "device.pem", "-key", self.data / "factory" / "device.key"]
        for name in ("backup", "monitoring", "control-center"):
            request = "GET /v1/service HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            without = run([*s_client, "-connect", self.listeners[name], "-ign_eof"], stdin=request, check=False, timeout=20)
            require("HTTP/1.1 200" not in without.stdout and re.search(r"alert|certificate required", without.stdout + without.stderr),
                    f"{name} talked to a client without certificate: {without.stdout[-500:]}{without.stderr[-300:]}")
            with_it = run([*s_client, *own, "-connect", self.listeners[name], "-ign_eof"], stdin=request, check=False, timeout=20)
            require("TLSv1.3" in with_it.stdout and "HTTP/1.1 " in with_it.stdout, f"{name} refused the device: {with_it.stdout[-500:]}{with_it.stderr[-300:]}")
            old = run([*s_client, *own, "-connect", self.listeners[name], "-tls1_2"], stdin="", check=False, timeout=20)
            require(old.returncode != 0, f"{name} speaks TLS 1.2")
        self.step("openssl", "TLS 1.3 on SIP, HTTPS and the cloud's servers; refused without a client certificate, refused with TLS 1.2")

    def problems(self):
        bad = run(["curl", "-sk", "-i", "--noproxy", "*", f"https://{self.sip['https']}/v1/status"])
        require(" 401" in bad.splitlines()[0] and "application/problem+json" in bad, f"without a token: {bad[:400]}")
        broken = run(["curl", "-s", "-i", "--noproxy", "*", "--unix-socket", self.data / "pbxd.sock", "-X", "POST", "-d", "{not json", "http://pbxd/v1/pairing/code"])
        require(re.match(r"HTTP/1.1 4\d\d", broken) and "application/problem+json" in broken, f"broken JSON: {broken[:400]}")
        device = ["--cacert", self.pki / "root.pem", "--cert", self.data / "factory" / "device.pem", "--key", self.data / "factory" / "device.key"]
        cloud = run(["curl", "-s", "-i", "--noproxy", "*", *device, "-X", "POST", "-d", "[]", f"https://{self.listeners['monitoring']}/v1/metrics"])
        require(re.match(r"HTTP/1.1 4\d\d", cloud) and "application/problem+json" in cloud, f"bad metrics: {cloud[:400]}")
        self.step("curl", "application/problem+json for a missing token, broken JSON and a bad metrics request")

    def garbage(self):
        for name in ("sip-tcp", "sips", "https"):
            host, port = self.sip[name].rsplit(":", 1)
            with socket.create_connection((host, int(port)), 5) as peer:
                peer.settimeout(15)
                try:
                    peer.sendall(os.urandom(100_000))
                    while peer.recv(4096):
                        pass
                except OSError:
                    pass
        for name, address in self.listeners.items():
            host, port = address.rsplit(":", 1)
            with socket.create_connection((host, int(port)), 5) as peer:
                peer.settimeout(1)
                try:
                    peer.sendall(os.urandom(20_000))
                    peer.recv(4096)
                except OSError:
                    pass
        host, port = self.sip["sip-udp"].rsplit(":", 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            for size in (0, 1, 100, 9_000, 60_000):
                peer.sendto(os.urandom(size), (host, int(port)))
            peer.sendto(b"INVITE sip:x@y SIP/2.0\r\n" + b"A: b\r\n" * 5_000 + b"\r\n", (host, int(port)))
        status = self.ctl("status")
        counters = status["counters"]
        require(status["pairing"] == "paired" and any("malformed" in n for n in counters), f"after garbage: {status}")
        page, _, _ = http("GET", f"http://{self.web}/")
        require(page == 200, "the Control Center did not survive garbage")
        self.step("garbage", f"random bytes on every port: dropped and counted ({', '.join(f'{n}={v}' for n, v in counters.items() if 'sip.' in n)}), all go on")

    def story(self):
        for chapter in (self.factory, self.cloud, self.appliance, self.pairing, self.backup, self.record, self.sipp_calls, self.baresip_call,
                        self.inspect, self.open_backup, self.tls, self.problems, self.garbage, self.stop):
            chapter()


def main():
    options = story_parser(__doc__).parse_args()
    end_on_signals()
    return played("interop", Interop(options.bin, keep=options.keep))


if __name__ == "__main__":
    sys.exit(main())
