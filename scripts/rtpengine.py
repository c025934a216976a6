#!/usr/bin/env python3
"""Calls whose media an rtpengine of Debian carries, in user space, led by pbxd; baresip telephones, which we did not write, listen.

  rtpengine.py --bin .build/debug [--keep DIR] [--pairs]

It is started here on loopback, killed in mid-call and started again. --pairs has `swift test` play every pair of payload types
against it too (the tests must have been built). Every process is ended by its pid. Exit status 0 only if all chapters hold."""
import argparse
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time

from baresip import Baresip
from capture import Capture
from harness import Failed, Story, end_on_signals, fail, free_port, require, run, until

SECRET = "{}-keeps-a-long-secret"
CONFIG = """appliance: {{ edition: flex }}
sip:
  listen:
    - {{ transport: udp, address: 127.0.0.1, port: 0 }}
    - {{ transport: tls, address: 127.0.0.1, port: 0 }}
media: {{ address: 127.0.0.1, backend: rtpengine, rtpengine: {{ address: "127.0.0.1:{control}" }} }}
features: {{ echo: "600" }}
users:
"""
FIRST, LAST = 25_000, 25_999
CODECS = {"PCMU": "PCMU/8000/1", "PCMA": "PCMA/8000/1", "G722": "G722/16000/1", "Opus": "opus/48000/2"}


class Control:
    """rtpengine's control port, asked as a stranger to pbxd would: what calls it has."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(2)
        self.address = ("127.0.0.1", port)

    def ask(self, text):
        cookie = f"story{random.getrandbits(48):x}"
        try:
            self.socket.sendto(f"{cookie} {text}".encode(), self.address)
            answer = self.socket.recv(65_535)
        except OSError:
            return None
        return answer[len(cookie) + 1:] if answer.startswith(cookie.encode()) else None

    def lives(self):
        return self.ask("d7:command4:pinge") == b"d6:result4:ponge"

    def calls(self):
        """How many it has."""
        answer = self.ask("d7:command4:list5:limiti100ee")
        require(answer is not None and b"5:calls" in answer, f"rtpengine's list of calls: {answer}")
        return answer.count(b":pbx")


class RelayStory(Story):
    def __init__(self, options):
        super().__init__(keep=options.keep)
        self.bin, self.data, self.pairs = pathlib.Path(options.bin).resolve(), self.directory / "data", options.pairs
        self.port, self.runs, self.users, self.capture = free_port(), 0, iter(range(100, 160)), None
        self.control = Control(self.port)

    def ctl(self, *arguments):
        return json.loads(run([self.bin / "pbxctl", *arguments, "--data", self.data, "--json"]))

    def start_rtpengine(self):
        self.runs += 1
        self.rtpengine = self.start(f"rtpengine-{self.runs}", [
            "rtpengine", "--config-file=none", "--table=-1", "--foreground", "--log-stderr", "--log-level=5", "--num-threads=2",
            "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{self.port}", f"--port-min={FIRST}", f"--port-max={LAST}",
            f"--pidfile={self.directory}/rtpengine.pid"])
        until("rtpengine's answer", self.control.lives, 15, 0.1)

    def phone(self, name, transport="udp", codec="PCMU", **options):
        user = str(next(self.users))
        server = self.listeners["sips" if transport == "tls" else "sip-udp"]
        more = options.pop("more", "") + "\nmodule g722.so" + (f"\nsip_cafile {self.root}" if transport == "tls" else "")
        registered = self.ctl("status")["registrations"]
        phone = Baresip(self, f"{name}-{user}", user, SECRET.format(user), server, transport=transport, codec=CODECS[codec], more=more, **options)
        phone.user = user
        until(f"{name}'s registration", lambda: self.ctl("status")["registrations"] > registered, 15, 0.05)
        return phone

    def talking(self, seconds=0.0, codecs=None):
        return until("the established call", lambda: next(
            (c for c in self.ctl("calls") if c["state"] == "talking" and c["seconds"] >= seconds and codecs in (None, c["codecs"])), None), 15, 0.05)

    def ended(self, seconds=5):
        until("the end of the call", lambda: not self.ctl("calls"), seconds, 0.05)

    def released(self):
        """No call, and no port of the range, is left."""
        until("rtpengine without calls", lambda: self.control.calls() == 0, 5, 0.1)
        held = [line.split()[1].rsplit(":", 1)[1] for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]]
        taken = sorted(port for port in (int(h, 16) for h in held) if FIRST <= port <= LAST)
        require(not taken, f"ports {taken} are still taken")

    def two(self, **options):
        ada = self.phone("ada", hertz=1000, answers=False, **options.get("ada", {}))
        return ada, self.phone("bob", hertz=440, **options.get("bob", {}))

    def heard(self, ada, bob, seconds=4):
        """A call from ada to bob, until both have heard each other; how pbxd shows it."""
        ada.dial(bob.user)
        ada.wait_for("CALL_ESTABLISHED")
        shown = self.talking(seconds)
        require(self.control.calls() == 1, f"rtpengine has {self.control.calls()} calls")
        ada.tell("hangup")
        bob.wait_for("CALL_CLOSED", 5)
        self.ended()
        self.released()
        for phone in (ada, bob):
            phone.end()
        require((ada.hears(440), bob.hears(1000)), "")
        return shown

    # --- one method per chapter

    def appliance(self):
        require(shutil.which("rtpengine"), "rtpengine is not installed; make deps-interop installs it")
        config = self.directory / "appliance.yaml"
        users = "".join(f'  - {{ extension: "{u}", name: "User {u}", password: "{SECRET.format(u)}" }}\n' for u in range(100, 160))
        config.write_text(CONFIG.format(control=self.port) + users)
        self.start_rtpengine()
        self.pbxd = self.start("pbxd", [self.bin / "pbxd", "run", "--config", config, "--data", self.data])
        self.listeners = self.pbxd.wait_for("ready", 60)["listeners"]
        self.root = self.data / "development" / "vendor-root.pem"
        version = run(["rtpengine", "--version"], check=False)
        self.step("appliance", f"SIP at {self.listeners['sip-udp']}; rtpengine {(version.stdout + version.stderr).split()[-1]} in user space at port {self.port}")

    def codecs(self):
        for first, second in (("PCMU", "PCMU"), ("Opus", "Opus"), ("Opus", "PCMU"), ("PCMA", "Opus"), ("G722", "Opus"), ("G722", "PCMU")):
            shown = self.heard(*self.two(ada={"codec": first}, bob={"codec": second}))
            self.step(f"{first} to {second}", f"{shown['codecs']}; each heard the other's tone, and all ports are free again")

    def protected(self):
        for first, second in (("tls", "udp"), ("udp", "tls"), ("tls", "tls")):
            srtp = {"udp": {}, "tls": {"parameters": ";mediaenc=srtp-mand"}}
            ada, bob = self.two(ada={"transport": first, **srtp[first]}, bob={"transport": second, "codec": "Opus", **srtp[second]})
            self.heard(ada, bob)
            self.step(f"SRTP, {first} to {second}", "with our keys on every protected side; each heard the other's tone")

    def echo(self):
        ada = self.phone("ada", hertz=1000, answers=False)
        ada.dial("600")
        ada.wait_for("CALL_ESTABLISHED")
        self.talking(4)
        ada.tell("hangup")
        self.ended()
        self.released()
        ada.end()
        self.step("echo", f"the caller heard its own {ada.hears(1000)} Hz")

    def arriving(self, seconds=2):
        """RTP packets from rtpengine's ports, by destination."""
        self.capture = Capture(self.directory)
        time.sleep(seconds)
        self.capture.finish()
        count = {}
        for (source, destination), packets in self.capture.streams().items():
            if FIRST <= source <= LAST:
                count[destination] = count.get(destination, 0) + sum(len(p) >= 12 and p[0] >> 6 == 2 and not 64 <= p[1] & 0x7F < 96 for p in packets)
        return count

    def hold(self):
        ada, bob = self.two(ada={"more": "rtp_ports 26000-26099"}, bob={"more": "rtp_ports 26100-26199"})
        ada.dial(bob.user)
        ada.wait_for("CALL_ESTABLISHED")
        self.talking(1)

        def flows():
            count = self.arriving()
            return sum(n for port, n in count.items() if 26_000 <= port < 26_100), sum(n for port, n in count.items() if 26_100 <= port < 26_200)
        before = flows()
        ada.tell("hold")
        time.sleep(0.5)
        during = flows()
        ada.tell("resume")
        time.sleep(0.5)
        after = flows()
        ada.tell("hangup")
        self.ended()
        self.released()
        for phone in (ada, bob):
            phone.end()
        require(min(before) > 60 and min(after) > 60, f"packets to caller and callee: {before} before, {after} after")
        require(during[0] == 0, f"packets to who holds: {during}")
        self.step("hold", f"packets to caller and callee in 2 s or so: {before}, on hold {during}, after it {after}")

    def transfer(self):
        ada, bob = self.two()
        carol = self.phone("carol", hertz=2000, codec="Opus")
        ada.dial(bob.user)
        ada.wait_for("CALL_ESTABLISHED")
        self.talking(1)
        ada.tell("transfer", f"sip:{carol.user}@{carol.server}")
        carol.wait_for("CALL_ESTABLISHED")
        time.sleep(4)
        shown = self.talking()
        carol.tell("hangup")
        bob.wait_for("CALL_CLOSED", 5)
        self.ended()
        self.released()
        for phone in (ada, bob, carol):
            phone.end()
        self.step("transfer", f"bob was led from ada to carol, who has Opus ({shown['codecs']}); carol heard his {carol.hears(440)} Hz")

    def killed(self):
        ada, bob = self.two()
        ada.dial(bob.user)
        ada.wait_for("CALL_ESTABLISHED")
        self.talking(1)
        self.rtpengine.process.kill()
        began = time.monotonic()
        bob.wait_for("CALL_CLOSED", 15)
        ada.wait_for("CALL_CLOSED", 15)
        lasted = time.monotonic() - began
        self.ended()
        log = "rtpengine does not answer"
        until("pbxd's log", lambda: log in self.pbxd.tail(400), 5)
        ada.dial(bob.user)
        closed = ada.wait_for("CALL_CLOSED", 10)
        require("503" in closed.get("param", ""), f"the call without rtpengine ended with {closed}")
        self.start_rtpengine()
        until("pbxd's word that it answers", lambda: "rtpengine answers" in self.pbxd.tail(400).split(log)[-1], 10)
        for phone in (ada, bob):
            phone.end()
        self.heard(*self.two())
        self.step("killed", f"the call ended after {lasted:.1f} s, the next one got {closed['param']}, and once rtpengine was back both heard each other")

    def restarted(self):
        ada, bob = self.two()
        ada.dial(bob.user)
        ada.wait_for("CALL_ESTABLISHED")
        self.talking(1)
        self.rtpengine.process.kill()
        self.rtpengine.process.wait()
        began = time.monotonic()
        self.start_rtpengine()
        bob.wait_for("CALL_CLOSED", 15)
        ada.wait_for("CALL_CLOSED", 15)
        lasted = time.monotonic() - began
        self.ended()
        for phone in (ada, bob):
            phone.end()
        self.heard(*self.two())
        self.step("restarted", f"a call that the new rtpengine does not know ended after {lasted:.1f} s; the next one was heard")

    def every_pair(self):
        if not self.pairs:
            return
        done = subprocess.run(
            ["swift", "test", "--skip-build", "--scratch-path", self.bin.parent, "--filter", "LiveRTPEngineTests"], capture_output=True, text=True,
            timeout=300, env={**os.environ, "PBX_RTPENGINE": f"127.0.0.1:{self.port}"})
        require(done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-1000:]}")
        self.step("every pair", "64 pairs of payload types and telephone events, as `swift test` shows")

    def stop(self):
        require(self.pbxd.terminate() == 0, f"pbxd did not end in peace\n{self.pbxd.tail()}")
        require(self.rtpengine.terminate() == 0, f"rtpengine did not end in peace\n{self.rtpengine.tail()}")
        self.step("stop", "status 0 on SIGTERM, from both")

    def story(self):
        """The first chapter must hold; of the others each is played, so that all that fails is told."""
        self.appliance()
        failed = []
        for chapter in (self.codecs, self.protected, self.echo, self.hold, self.transfer, self.killed, self.restarted, self.every_pair, self.stop):
            try:
                chapter()
            except (Failed, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
                failed.append(chapter.__name__)
                print(f"  FAIL {chapter.__name__}: {error}", flush=True)
                for program in self.programs:
                    if program not in (self.pbxd, self.rtpengine):
                        program.terminate(10)
                if self.rtpengine.process.poll() is not None and chapter != self.stop:
                    self.start_rtpengine()
        require(not failed, f"{len(failed)} chapters: {', '.join(failed)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="directory with the built programs")
    parser.add_argument("--keep", help="keep data and logs in this directory")
    parser.add_argument("--pairs", action="store_true", help="also every pair of payload types, by swift test")
    options = parser.parse_args()
    end_on_signals()
    story = RelayStory(options)
    try:
        story.story()
        print(f"rtpengine: {story.count} steps verified in {time.monotonic() - story.started:.1f} s", flush=True)
        return 0
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        return fail(error)
    finally:
        if story.capture:
            story.capture.end()
        story.end()


if __name__ == "__main__":
    sys.exit(main())
