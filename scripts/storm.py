#!/usr/bin/env python3
"""Attacks a running pbxd with signalling and asks whether a good telephone still gets through.

  storm.py --bin .build/debug mutate [--messages 100000] [--seed 1]   real call flows, their messages mutated, lost, doubled, reordered
  storm.py --bin .build/debug flood  [--requests 1000000]             forged requests from many ports

While it runs, a registered telephone of another address calls the echo feature again and again. It must be answered each time: by the
call, or, where the attackers' own calls fill the appliance, by 503 with Retry-After; once they are over, by calls alone. The process must live, have no calls and few transactions left, and use no more memory than a bound. All traffic is on loopback."""
import json
import os
import pathlib
import random
import re
import select
import socket
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "Interop"))

from harness import Failed, Story, end_on_signals, fail, require, run, story_parser, until  # noqa: E402
from telephone import DOMAIN, SDP, Telephone  # noqa: E402

CONFIG = """appliance: {{ edition: flex }}
sip:
  listen:
    - {{ transport: udp, address: 127.0.0.1, port: 0 }}
    - {{ transport: tcp, address: 127.0.0.1, port: 0 }}
  protection: {{ enabled: {protection} }}
media: {{ address: 127.0.0.1, ports: 16384-17383 }}
features: {{ echo: "600" }}
users:
"""


def secret(user):
    return f"storm-{user}-keeps-a-long-secret"


class Moody(Telephone):
    """As callee it refuses now and then, and rings reliably now and then."""

    def serve(self, request):
        if request.method == "INVITE":
            if random.random() < 0.1:
                self.reply(request, random.choice(["486 Busy Here", "302 Moved Temporarily", "603 Decline", "503 Service Unavailable"]))
                return
            if random.random() < 0.3:
                self.reply(request, "180 Ringing", fields=("Require: 100rel", "RSeq: 77") if random.random() < 0.3 else ())
            self.reply(request, "200 OK", SDP.format(port=20_000 + 2 * (self.port % 5_000), direction="sendrecv"))
        elif request.method != "ACK":
            self.reply(request, "200 OK")


class Mangler:
    """Changes messages as networks and bad programs do; the generator is seeded, so that a finding can be looked at again."""

    WORDS = [b"\r\n", b"\n", b"\0", b";", b",", b"<", b">", b'"', b":", b"@", b"sip:", b"[", b"]", b"%", b"%00", b"tag=", b"z9hG4bK", b"SIP/2.0", b"4294967296",
             b"-1", b"65536", b"\xff\xfe", b"Content-Length: 99999", b"CSeq: 0 INVITE", b"Contact: *", b"Replaces: a;to-tag=b;from-tag=c", b"RAck: 1 1 INVITE",
             b"Session-Expires: 1", b"Require: 100rel", b"Event: dialog", b"a=crypto:1", b"m=audio 0 RTP/AVP 0", b"A" * 300]

    def __init__(self, seed):
        self.random, self.kept = random.Random(seed), []

    def __call__(self, raw):
        draw = self.random.random()
        if draw < 0.35:
            return [raw]
        if draw < 0.40:
            return []
        if draw < 0.45:
            return [raw, raw]
        if draw < 0.50:
            self.kept.append(raw)
            return [self.kept.pop(self.random.randrange(len(self.kept)))] if len(self.kept) > 20 else []
        if draw < 0.60:
            lines = raw.split(b"\r\n")
            place = self.random.randrange(len(lines))
            action = self.random.randrange(4)
            if action == 0:
                del lines[place]
            elif action == 1:
                lines.insert(place, lines[self.random.randrange(len(lines))])
            elif action == 2:
                other = self.random.randrange(len(lines))
                lines[place], lines[other] = lines[other], lines[place]
            else:
                lines[place] = self.random.choice(self.WORDS) + lines[place]
            return [b"\r\n".join(lines)]
        changed = bytearray(raw)
        for _ in range(self.random.randrange(1, 6)):
            place = self.random.randrange(len(changed) + 1)
            action = self.random.randrange(5)
            if action == 0 and place < len(changed):
                changed[place] ^= 1 << self.random.randrange(8)
            elif action == 1:
                changed[place:place] = self.random.choice(self.WORDS)
            elif action == 2:
                del changed[place:place + self.random.randrange(1, 40)]
            elif action == 3:
                changed[place:place] = changed[place:place + self.random.randrange(1, 60)]
            elif place < len(changed):
                changed[place] = self.random.randrange(256)
        return [bytes(changed)]


class Storm(Story):
    def __init__(self, options):
        super().__init__(keep=options.keep)
        self.options, self.bin, self.failures, self.calls, self.over = options, pathlib.Path(options.bin).resolve(), [], 0, threading.Event()

    def ctl(self, *arguments):
        return json.loads(run([self.bin / "pbxctl", *arguments, "--data", self.directory / "data", "--json"]))

    def appliance(self, protection):
        config = self.directory / "appliance.yaml"
        users = "".join(f'  - {{ extension: "{u}", name: "User {u}", password: "{secret(u)}" }}\n' for u in range(100, 200))
        config.write_text(CONFIG.format(protection=str(protection).lower()) + users)
        self.pbxd = self.start("pbxd", [self.bin / "pbxd", "run", "--config", config, "--data", self.directory / "data"])
        host, port = self.pbxd.wait_for("ready", 30)["listeners"]["sip-udp"].rsplit(":", 1)
        self.server = (host, int(port))

    def memory(self):
        """(resident MiB, open files)"""
        pid = self.pbxd.process.pid
        status = open(f"/proc/{pid}/status").read()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024, len(os.listdir(f"/proc/{pid}/fd"))

    def good_telephone(self):
        """Registers once, then calls the echo feature again and again, from an address of its own."""
        phone = Telephone(self.server, "199", secret("199"), address="127.0.0.2")
        try:
            if not phone.register():
                self.failures.append("could not register")
            while not self.over.is_set():
                began = time.monotonic()
                trouble = phone.call("600")
                if trouble.startswith("503 "):  # with Retry-After: every place for a call is taken
                    self.refused += 1
                elif trouble:
                    self.failures.append(f"call {self.calls + 1} after {time.monotonic() - self.began:.0f} s: {trouble}")
                self.calls += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
                time.sleep(0.5)
        finally:
            phone.close()

    def under_fire(self, attack):
        self.slowest, self.refused, self.began = 0.0, 0, time.monotonic()
        before = self.memory()
        good = threading.Thread(target=self.good_telephone)
        good.start()
        time.sleep(1.5)
        try:
            sent = attack()
        finally:
            self.over.set()
            good.join(60)
        seconds = time.monotonic() - self.began
        require(self.pbxd.process.poll() is None, f"pbxd died\n{self.pbxd.tail(60)}")
        require(self.calls and not self.failures, f"the good telephone failed in {len(self.failures)} of {self.calls} calls: {self.failures[:5]}")
        # Timers of 32 s must have run out, and calls whose telephone has gone been found out by their silence. A call on hold is
        # silent by right: it ends with its session timer, half an hour later.
        until("calls to end", lambda: self.ctl("status")["calls"] <= self.options.held, 200, 1)
        time.sleep(35)
        after, status = self.memory(), self.ctl("status")
        phone = Telephone(self.server, "198", secret("198"), address="127.0.0.2")
        require(phone.register() and not phone.call("600"), "no call was possible when the storm was over")
        phone.close()
        growth = after[0] - before[0]
        counters = ", ".join(f"{k}={v}" for k, v in sorted(status["counters"].items()) if k.startswith(("sip.", "calls.")))
        self.step(self.options.command, f"{sent:,} messages in {seconds:.0f} s; {self.calls} calls of the good telephone, {self.refused} told to come back later, the others well, the slowest {self.slowest:.1f} s; "
                  f"memory {before[0]:.1f} -> {after[0]:.1f} MiB, files {before[1]} -> {after[1]}, "
                  f"{status['calls']} calls on hold")
        print(f"    control loop: p99.9 {status['loop']['p999']:.2f} ms, longest {status['loop']['longest']:.1f} ms\n    {counters}", flush=True)
        require(growth <= self.options.growth, f"memory grew by {growth:.1f} MiB, more than {self.options.growth}")
        # A call on hold keeps its four media sockets.
        require(after[1] <= before[1] + 4 + 4 * status["calls"], f"files stay open: {before[1]} -> {after[1]} with {status['calls']} calls")
        require(self.pbxd.terminate() == 0, f"pbxd did not end in peace\n{self.pbxd.tail()}")

    # --- mutated call flows

    def mutate(self):
        self.appliance(protection=False)
        goal, threads, phones = self.options.messages, [], []
        print(f"seed {self.options.seed}", flush=True)

        def worker(number):
            rng = random.Random(self.options.seed * 1_000 + number)
            mangle = Mangler(self.options.seed * 1_000 + number)
            users = [str(100 + number * 4 + i) for i in range(4)]
            mine = [Moody(self.server, user, secret(user), mangle=mangle) for user in users]
            phones.extend(mine)
            while sum(phone.sent for phone in phones) < goal:
                self.flow(rng, *rng.sample(mine, 3))
            for phone in mine:
                phone.close()

        def attack():
            for number in range(self.options.workers):
                threads.append(threading.Thread(target=worker, args=(number,)))
                threads[-1].start()
            for thread in threads:
                thread.join(900)
            return sum(phone.sent for phone in phones)
        self.under_fire(attack)

    def flow(self, rng, a, b, c):
        """One piece of a telephone's life; every message passes the mangler, nothing is waited for long."""
        quick = {"timeout": 0.05, "tries": 2}
        kind = rng.randrange(8)
        call, uri = a.token(), f"sip:{b.user}@{DOMAIN}"
        if kind == 0:
            a.register(**quick)
            b.register(**quick)
            return
        if kind == 1:
            for event in ("dialog", "message-summary", "presence", "reg", "weather"):
                a.transact("SUBSCRIBE", uri, f"<{uri}>", a.token(), 1, (f"Event: {event}", f"Expires: {rng.choice([0, 60, 3600])}"), **quick)
            return
        if kind == 2:
            for method in ("OPTIONS", "MESSAGE", "PUBLISH", "INFO", "NOTIFY", "PRACK", "UPDATE", "BYE", "CANCEL", "REFER"):
                a.request(method, uri, f"<{uri}>" + (f";tag={a.token()}" if rng.random() < 0.5 else ""), a.token(), rng.randrange(5))
            return
        body = SDP.format(port=25_000, direction="sendrecv") if rng.random() < 0.8 else ""
        fields = rng.choice([(), ("Supported: 100rel, timer, replaces",), ("Require: 100rel",), ("Session-Expires: 90", "Supported: timer"), ("Privacy: id",)])
        message, cseq = a.transact("INVITE", uri, f"<{uri}>", call, 1, fields, body, **quick)
        to = message.get("to") if message else f"<{uri}>"
        if kind == 3:
            a.request("CANCEL", uri, f"<{uri}>", call, cseq)
            return
        a.request("ACK", uri, to, call, cseq, body=body if rng.random() < 0.2 else "")
        for step in range(rng.randrange(1, 5)):
            cseq += 1
            action = rng.randrange(7)
            if action < 2:
                a.request("INVITE", uri, to, call, cseq, body=SDP.format(port=25_000, direction=rng.choice(["sendonly", "sendrecv", "sendrecv"])))
                a.request("ACK", uri, to, call, cseq)
            elif action == 2:
                a.request("UPDATE", uri, to, call, cseq, body=SDP.format(port=25_002, direction="sendrecv"))
            elif action == 3:
                a.request("REFER", uri, to, call, cseq, (f"Refer-To: <sip:{c.user}@{DOMAIN}>",))
            elif action == 4:
                a.request("INFO", uri, to, call, cseq, body="Signal=5\r\nDuration=160\r\n", content="application/dtmf-relay")
            elif action == 5:
                a.request("PRACK", uri, to, call, cseq, (f"RAck: {rng.randrange(100)} 1 INVITE",))
            else:
                c.request("INVITE", uri, f"<{uri}>", c.token(), 1, (f"Replaces: {call}@127.0.0.1;to-tag={a.token()};from-tag={call}",), body)
        if rng.random() < 0.9:
            a.transact("BYE", uri, to, call, cseq + 1, **quick)

    # --- forged requests

    def flood(self):
        self.appliance(protection=True)
        sockets = []
        for number in range(200):
            sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sockets[-1].bind((f"127.1.0.{1 + number % self.options.addresses}", 0))
            sockets[-1].connect(self.server)
            sockets[-1].setblocking(False)

        def forged(number):
            method = ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "BYE")[number % 5]
            return (f"{method} sip:{number % 1000}@{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:5060;"
                    f"branch=z9hG4bK{number:x};rport\r\nMax-Forwards: 70\r\nFrom: <sip:{number % 1000}@{DOMAIN}>;tag={number:x}\r\n"
                    f"To: <sip:{number % 997}@{DOMAIN}>\r\nCall-ID: {number:x}@forged\r\nCSeq: 1 {method}\r\nContact: <sip:x@10.0.0.1>\r\n"
                    'Authorization: Digest username="100", realm="pbx.example", nonce="forged", uri="sip:pbx.example", response="00"\r\n'
                    "Content-Length: 0\r\n\r\n").encode()

        def attack():
            for number in range(self.options.requests):
                one = sockets[number % len(sockets)]
                while True:
                    try:
                        one.send(forged(number))
                        break
                    except BlockingIOError:
                        select.select([], [one], [], 1)
                    except OSError:
                        break
                if number % 256 == 0:
                    for other in sockets:  # what came back is thrown away
                        try:
                            while other.recv(4096):
                                pass
                        except OSError:
                            pass
            return self.options.requests
        try:
            self.under_fire(attack)
        finally:
            for one in sockets:
                one.close()


def main():
    parser = story_parser(__doc__)
    parser.add_argument("--growth", type=float, default=24, help="MiB by which memory may grow (default 24)")
    parser.add_argument("--held", type=int, default=20, help="calls on hold that may outlast the storm (default 20)")
    commands = parser.add_subparsers(dest="command", required=True)
    mutate = commands.add_parser("mutate")
    mutate.add_argument("--messages", type=int, default=100_000)
    mutate.add_argument("--seed", type=int, default=1)
    mutate.add_argument("--workers", type=int, default=8)
    flood = commands.add_parser("flood")
    flood.add_argument("--requests", type=int, default=1_000_000)
    flood.add_argument("--addresses", type=int, default=1, choices=range(1, 201), metavar="1...200", help="that the requests come from (default 1)")
    options = parser.parse_args()
    end_on_signals()
    storm = Storm(options)
    try:
        getattr(storm, options.command)()
        return 0
    except (Failed, OSError) as error:
        return fail(error)
    finally:
        storm.over.set()
        storm.end()


if __name__ == "__main__":
    sys.exit(main())
