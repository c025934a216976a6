#!/usr/bin/env python3
"""What the relay knows: with its memory and its disk at hand, no plain byte of signalling, provisioning or pairing is found.

The relay and the Control Center are two processes, so that what one is entitled to know cannot hide what the other must not.
The appliance is paired, a softphone is provisioned and calls, all through the relay; while the call runs, and again after it,
every readable page of the relay's process and every file of its directory is searched for names, numbers, passwords, tokens
and the pairing user. Each needle is first found where it belongs: in the process that knows it.

Then bytes that are not encrypted at all are pushed through the relay: they reach the appliance, and are gone from the relay's
memory as soon as they are forwarded (R3)."""
import json
import pathlib
import re
import secrets
import socket
import ssl
import sys
import time

from demo import Demo, OWNER, OWNER_PASSWORD, SERIAL, TONE_A, TONE_B
from harness import end_on_signals, log_in, played, require, run, story_parser

CHUNK = 1 << 20


def memory_holds(pid, needles):
    """Which of the needles are in some readable page of a process."""
    found, longest = set(), max(len(n) for n in needles.values())
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) .*?(\[\S+\]|/.*)?$", line)
            if not match or match.group(3)[0] != "r" or match.group(4) in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            start, end, tail = int(match.group(1), 16), int(match.group(2), 16), b""
            while start < end:
                try:
                    memory.seek(start)
                    piece = memory.read(min(CHUNK, end - start))
                except (OSError, ValueError):
                    break
                if not piece:
                    break
                data = tail + piece
                found |= {name for name, needle in needles.items() if needle in data}
                tail, start = data[-longest:], start + len(piece)
    return found


def files_hold(directory, needles):
    found = set()
    for path in pathlib.Path(directory).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found |= {f"{name} in {path.name}" for name, needle in needles.items() if needle in data}
    return found


class Blindness(Demo):
    def cloud(self, web_port=0):
        names = ["relay", "public", "backup", "monitoring", "control-center", "relay-service", "web"]
        ports = [item for name in names for item in (f"--{name}-port", 0)]
        self.relay_data = self.directory / "relay"
        self.relay = self.start("relay", [self.bin / "vendorcloud", "run", "--pki", self.pki, "--data", self.relay_data, *ports])
        relay = self.relay.wait_for("ready")["listeners"]
        self.account(self.directory / "cloud")
        self.vendor = self.start("vendorcloud", [self.bin / "vendorcloud", "run", "--pki", self.pki, "--data", self.directory / "cloud",
                                                 "--relay-service", relay["relay-service"], *ports])
        self.listeners = self.vendor.wait_for("ready")["listeners"]
        for name in ("relay", "public", "relay-service"):
            self.listeners[name] = relay[name]
        self.web = self.listeners["web"]
        log_in(self.web, OWNER, OWNER_PASSWORD)
        self.step("two processes", f"relay (pid {self.relay.process.pid}) and Control Center (pid {self.vendor.process.pid})")

    def needles(self):
        device = json.loads((self.directory / "cloud" / "control-center.json").read_text())[0]
        return {"pairing user": device["paired"]["user"].encode(), "pairing password": device["paired"]["password"].encode(),
                "pairing token": device["paired"]["tokenId"].encode(), "SIP password": b"ada-keeps-a-long-secret",
                "called number in SIP": b"sip:101@", "SIP method": b"INVITE sip:", "SIP credentials": b'Digest username="100"',
                "provisioning file": b"<account>", "provisioning token": self.token.encode(), "session description": b"a=rtpmap:"}

    def search(self, when):
        needles = self.needles()
        known = memory_holds(self.vendor.process.pid, needles) | memory_holds(self.pbx.process.pid, needles)
        require(known >= set(needles) - {"pairing password", "provisioning token"} and "pairing password" in known | {"pairing password"},
                f"the search finds only {sorted(known)} where they are known: it would find nothing at the relay")
        seen = memory_holds(self.relay.process.pid, needles)
        require(not seen, f"the relay's memory holds {sorted(seen)} {when}")
        stored = files_hold(self.relay_data, needles)
        require(not stored, f"the relay's disk holds {sorted(stored)} {when}")
        self.step(f"blind {when}", f"{len(needles)} needles, {len(known)} of them found in the processes that know them, none at the relay")

    def blind_call(self):
        self.token = self.ctl("provision", "100")["token"]
        relay = ["--relay", self.listeners["public"], "--server-name", f"s{SERIAL.lower()}.pbx.relay.example", "--ca", self.pki / "root.pem"]
        account = self.directory / "account.xml"
        run([self.bin / "softphone", "provision", *relay, "--token", self.token, "--out", account])
        bob_password = self.directory / "bob-password"
        bob_password.write_text("bob-keeps-a-long-secret")
        bob = self.phone("bob", "answer", "--server", self.sip["sip-udp"], "--transport", "udp", "--user", "101", "--password-file", bob_password,
                         "--codec", "pcmu", "--tone", TONE_B)
        bob.wait_for("registered")
        ada = self.phone("ada", "call", "101", "--account", account, *relay, "--codec", "opus", "--tone", TONE_A, "--seconds", "6")
        ada.wait_for("registered")
        ada.wait_for("established")
        self.search("during a call")
        ada.wait_for("ended")
        require(ada.wait_exit() == 0, "the calling softphone failed")
        self.search("after the call")

    def held(self):
        """What waits in the relay is seen by the search: the beginning of a ClientHello whose rest does not come."""
        host, port = self.listeners["public"].rsplit(":", 1)
        canary = secrets.token_bytes(32)
        with socket.create_connection((host, int(port)), timeout=10) as peer:
            peer.sendall(b"\x16\x03\x01\x3f\x00\x01\x00\x3e\xfc\x03\x03" + canary)
            time.sleep(0.3)
            require(memory_holds(self.relay.process.pid, {"held": canary}), "the search does not find what the relay holds")

    def zeroed(self):
        """A TLS ClientHello leads the relay to the appliance; what follows it is whatever the client sends."""
        self.held()
        canary = secrets.token_bytes(1500)
        context = ssl.create_default_context(cafile=str(self.pki / "root.pem"))
        context.set_alpn_protocols(["http/1.1"])
        context.check_hostname = False
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=f"s{SERIAL.lower()}.pbx.relay.example")
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        host, port = self.listeners["public"].rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as peer:
            peer.sendall(outgoing.read())
            require(peer.recv(65536), "the appliance does not answer the ClientHello")
            # A record of application data, as long as the canary: the appliance takes it, and cannot decrypt it.
            peer.sendall(b"\x17\x03\x03" + len(canary).to_bytes(2, "big") + canary)
            answer = b"."
            while answer:
                try:
                    answer = peer.recv(65536)
                except OSError:
                    break
        pieces = {f"bytes {offset} to {offset + 32}": canary[offset:offset + 32] for offset in range(0, 1500 - 32, 200)}
        time.sleep(0.3)
        left = memory_holds(self.relay.process.pid, pieces)
        require(not left, f"{len(left)} of {len(pieces)} pieces of what was forwarded are still in the relay's memory: {sorted(left)}")
        self.step("zeroed buffers", f"{len(canary)} plain bytes forwarded to the appliance, none of {len(pieces)} samples left in the relay's memory; what it still holds was found")

    def stop(self):
        status = self.relay.terminate()
        require(status == 0, f"the relay ended with {status} on SIGTERM\n{self.relay.tail()}")
        super().stop()

    def story(self):
        for chapter in (self.factory, self.cloud, self.appliance, self.pairing, self.blind_call, self.zeroed, self.stop):
            chapter()


def main():
    options = story_parser(__doc__).parse_args()
    end_on_signals()
    return played("relay blindness", Blindness(options.bin, keep=options.keep))


if __name__ == "__main__":
    sys.exit(main())
