#!/usr/bin/env python3
"""Attacks the media of a running pbxd on loopback: what strangers and bad telephones send to its ports and say in their descriptions.

  media_attack.py --bin .build/debug [--only numbers,loop] [--seed 1] [--keep DIR] [--list]

After every chapter pbxd has to live, answer, have given everything back, and carry a good telephone's call. All traffic is on loopback; every
process is ended by its pid. Exit status 0 only if all chapters hold."""
import json
import os
import pathlib
import random
import re
import signal
import socket
import struct
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "Interop"))

from harness import Failed, Story, end_on_signals, fail, free_port, require, run, story_parser, until  # noqa: E402
from telephone import DOMAIN, Telephone, digest  # noqa: E402

SECRET = "attack-{}-keeps-a-long-secret"
USERS = range(100, 160)
PORTS = range(16_384, 16_584)
CONFIG = """appliance: {{ edition: flex }}
sip:
  listen:
    - {{ transport: udp, address: 127.0.0.1, port: 0 }}
  protection: {{ enabled: false }}
media: {{ address: 127.0.0.1, ports: {first}-{last}{more} }}
features: {{ echo: "600", conferences: ["800", "801"], music_on_hold: true }}
users:
"""
PCMU, OPUS, EVENT, NOISE = 0, 96, 101, 13
FORMATS = {"pcmu": ("0", []), "pcma": ("8", []), "g722": ("9", []), "opus": ("96", ["rtpmap:96 opus/48000/2"])}


def rtp(payload=b"\xff" * 160, pt=PCMU, seq=0, ts=0, ssrc=1, marker=False, first=0x80, extra=b""):
    return struct.pack(">BBHII", first, pt | marker << 7, seq & 0xFFFF, ts & 0xFFFFFFFF, ssrc & 0xFFFFFFFF) + extra + payload


def sdp(port, codec="pcmu", address="127.0.0.1", direction="sendrecv", lines=(), events=True, formats=None, proto="RTP/AVP"):
    listed, mapped = FORMATS[codec]
    lines = [*(f"a={line}" for line in mapped), *lines]
    if events:
        listed, lines = f"{listed} {EVENT}", [*lines, f"a=rtpmap:{EVENT} telephone-event/{48_000 if codec == 'opus' else 8_000}"]
    return "\r\n".join(["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", f"c=IN IP4 {address}", "t=0 0", f"m=audio {port} {proto} {formats or listed}",
                        *lines, f"a={direction}", ""])


class Line(Telephone):
    """A telephone with media of its own: one dialog at a time, a pair of ports, and whatever description it is told to give."""

    def __init__(self, server, user, address="127.0.0.1", codec="pcmu"):
        self.codec, self.dialog, self.remote, self.gone, self.offer = codec, None, None, False, None
        while True:
            self.media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.media.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            self.reports = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            port = 2 * random.randrange(10_000, 14_000)
            try:
                self.media.bind((address, port))
                self.reports.bind((address, port + 1))
                break
            except OSError:
                self.media.close()
                self.reports.close()
        self.media.setblocking(False)
        self.reports.setblocking(False)
        self.rtp_port, self.host_address, self.seq, self.ts, self.ssrc = port, address, random.getrandbits(15), random.getrandbits(32), random.getrandbits(32)
        super().__init__(server, str(user), SECRET.format(user), address=address)

    def description(self, **options):
        return sdp(options.pop("port", self.rtp_port), options.pop("codec", self.codec), options.pop("address", self.host_address), **options)

    def serve(self, request):
        if request.method == "INVITE":
            text = request.body.decode("utf-8", "replace")
            if "to-tag" not in request.get("to") and ";tag=" not in request.get("to"):
                self.gone = False
            self.learn(text)
            self.invite = request
            self.reply(request, "200 OK", self.offer() if callable(self.offer) else self.offer or self.description())
        elif request.method == "BYE":
            self.gone = True
            self.reply(request, "200 OK")
        elif request.method != "ACK":
            self.reply(request, "200 OK")

    def learn(self, text):
        port, address = re.search(r"m=audio (\d+)", text), re.search(r"c=IN IP4 (\S+)", text)
        if port and address and port[1] != "0":
            self.remote = (address[1], int(port[1]))

    def dial(self, number, body=None, **options):
        """The final response; when it is 200 the dialog is open."""
        call, uri = self.token(), f"sip:{number}@{self.host}:{self.server[1]}"
        self.gone = False
        message, cseq = self.transact("INVITE", uri, f"<sip:{number}@{DOMAIN}>", call, 1, body=body or self.description(), **options)
        if message and message.status == 200:
            target = re.search(r"<([^>]*)>", message.get("contact"))[1]
            self.dialog = [target, message.get("to"), call, cseq]
            self.learn(message.body.decode("utf-8", "replace"))
            self.request("ACK", target, message.get("to"), call, cseq)
        return message

    def again(self, body=None, **options):
        """A re-INVITE; its final response."""
        target, to, call, cseq = self.dialog
        message, cseq = self.transact("INVITE", target, to, call, cseq + 1, body=body or self.description(), **options)
        self.dialog[3] = cseq
        if message and message.status == 200:
            self.learn(message.body.decode("utf-8", "replace"))
            self.request("ACK", target, to, call, cseq)
        return message

    def press(self, key):
        """A key by INFO; the final response."""
        fields, answer = (), None
        for _ in range(2):
            target, to, call, cseq = self.dialog
            self.dialog[3] = cseq + 1
            self.request("INFO", target, to, call, cseq + 1, fields, f"Signal={key}\r\nDuration=160\r\n", content="application/dtmf-relay")
            answer = self.answer(call, cseq + 1, "INFO", 2)
            if answer is None or answer.status != 401:
                break
            fields = (digest(answer.get("www-authenticate"), self.user, self.secret, "INFO", target),)
        return answer

    def bye(self):
        if self.dialog:
            target, to, call, cseq = self.dialog
            self.dialog = None
            return self.transact("BYE", target, to, call, cseq + 1)[0]
        return None

    def say(self, count=1, payload=None, pt=None, step=160, pace=0.0, **options):
        """So many packets in order."""
        for _ in range(count):
            self.throw(rtp(payload or b"\xff" * 160, PCMU if pt is None else pt, self.seq, self.ts, self.ssrc, **options))
            self.seq, self.ts = self.seq + 1, self.ts + step
            if pace:
                time.sleep(pace)

    def throw(self, datagram, rtcp=False):
        try:
            (self.reports if rtcp else self.media).sendto(datagram, (self.remote[0], self.remote[1] + rtcp))
        except OSError:
            pass

    def hear(self, rtcp=False):
        """Every datagram that has come."""
        taken = []
        while True:
            try:
                taken.append((self.reports if rtcp else self.media).recv(65_535))
            except OSError:
                return taken

    def close(self):
        self.media.close()
        self.reports.close()
        super().close()


class Attack(Story):
    FLOOD = 2_000  # datagrams a second that a chapter throws at most: kernels drop more than they carry else

    def __init__(self, options):
        super().__init__(keep=options.keep)
        self.options, self.bin = options, pathlib.Path(options.bin).resolve()
        self.random = random.Random(options.seed)
        self.runs, self.lines = 0, []

    # --- pbxd

    def ctl(self, *arguments):
        return json.loads(run([self.bin / "pbxctl", *arguments, "--data", self.data, "--json"]))

    def serve(self, more="", ports=PORTS, files=None, data=None):
        self.runs += 1
        self.data = data or self.directory / f"data-{self.runs}"
        config = self.directory / f"appliance-{self.runs}.yaml"
        users = "".join(f'  - {{ extension: "{u}", name: "User {u}", password: "{SECRET.format(u)}" }}\n' for u in USERS)
        config.write_text(CONFIG.format(first=ports[0], last=ports[-1], more=more) + users)
        command = [self.bin / "pbxd", "run", "--config", config, "--data", self.data]
        if files:
            command = ["/bin/bash", "-c", f'ulimit -n {files}; exec "$@"', "pbxd", *command]
        self.pbxd = self.start(f"pbxd-{self.runs}", command, environment={"SWIFT_BACKTRACE": "threads=crashed,registers=none,images=none,limit=16"})
        host, port = self.pbxd.wait_for("ready", 60)["listeners"]["sip-udp"].rsplit(":", 1)
        self.server = (host, int(port))

    def stop(self):
        require(self.pbxd.terminate() == 0, f"pbxd ended badly\n{self.pbxd.tail(40)}")

    def line(self, user, **options):
        line = Line(self.server, user, **options)
        self.lines.append(line)
        require(line.register(), f"{user} could not register\n{self.pbxd.tail()}")
        return line

    def reach(self, line, number, **options):
        """An answered call; media that do not keep up with a flood refuse for some seconds, which is waited for."""
        def answered():
            answer = line.dial(str(number), **options)
            require(answer is not None and answer.status in (200, 503), f"{line.user} got {answer and answer.start} from {number}\n{self.pbxd.tail()}")
            return answer if answer.status == 200 else None
        return until(f"{number} to answer {line.user}", answered, 20, 0.5)

    def pair(self, first, second, codecs=("pcmu", "pcmu")):
        """Two telephones in a call."""
        a, b = self.line(first, codec=codecs[0]), self.line(second, codec=codecs[1])
        self.reach(a, second)
        return a, b

    def hang_up(self):
        for line in self.lines:
            line.bye()
            line.close()
        self.lines = []

    def state(self):
        """(resident MiB, open files, seconds of processor time, bytes of log)"""
        pid = self.pbxd.process.pid
        require(self.pbxd.process.poll() is None, f"pbxd has ended ({self.pbxd.process.poll()})\n{self.pbxd.tail(60)}")
        memory = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024
        times = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return memory, len(os.listdir(f"/proc/{pid}/fd")), (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"), os.path.getsize(self.pbxd.log_path)

    def good_call(self):
        """A call of the echo feature from another telephone: what it says comes back."""
        line = Line(self.server, USERS[-1])
        try:
            require(line.register(), f"the good telephone could not register\n{self.pbxd.tail(40)}")
            answer = until("the good telephone's call", lambda: (lambda m: m if m and m.status == 200 else None)(line.dial("600")), 20, 0.5)
            line.say(25, payload=b"\x55" * 160, pace=0.02)
            time.sleep(0.1)
            heard = sum(1 for packet in line.hear() if packet[12:] == b"\x55" * 160)
            require(answer and heard >= 20, f"of 25 packets {heard} came back to the good telephone")
            line.bye()
        finally:
            line.close()

    def chapter(self, name):
        """Plays one, and looks at what it left."""
        if self.pbxd.process.poll() is not None:
            self.serve()
        self.good_call()
        before = self.state()
        told = getattr(self, name)()
        self.hang_up()
        self.state()
        until("the calls to end", lambda: not self.ctl("calls"), 40, 0.2)
        self.good_call()
        until("the good call's end", lambda: not self.ctl("calls") and self.state()[1] <= before[1] + 2 or None, 5, 0.1)
        after = self.state()
        require(after[1] <= before[1] + 2, f"{name}: files stay open: {before[1]} -> {after[1]}")
        require(after[0] - before[0] < self.options.growth, f"{name}: memory grew from {before[0]:.1f} to {after[0]:.1f} MiB")
        require(after[3] - before[3] < 64_000, f"{name}: {after[3] - before[3]} bytes of log")
        self.step(name, f"{told}; memory {before[0]:.1f} -> {after[0]:.1f} MiB, files {before[1]} -> {after[1]}, log +{after[3] - before[3]} bytes")

    def paced(self, count, send):
        """`send(n)` for each n, FLOOD a second at most."""
        begun = time.monotonic()
        for number in range(count):
            send(number)
            if number % 50 == 49 and (ahead := number / self.FLOOD - (time.monotonic() - begun)) > 0:
                time.sleep(ahead)

    # --- chapters

    def strangers(self):
        """RTP and RTCP from other ports and addresses, before the telephone speaks and after."""
        a, b = self.pair(100, 101)
        others = []
        for address in ("127.0.0.1", "127.0.0.9"):
            for _ in range(3):
                others.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                others[-1].bind((address, 0))
                others[-1].setblocking(False)
        forged = rtp(b"\xee" * 160, seq=7, ssrc=9)

        def spray(count):
            self.paced(count, lambda n: others[n % len(others)].sendto(
                rtp(b"\xee" * 160, seq=self.random.getrandbits(16), ssrc=9 + n) if n % 3 else forged, a.remote))
        spray(400)  # before a has said anything: none proves itself by numbers at random
        a.say(100, payload=b"\x11" * 160, pace=0.005)
        spray(2_000)
        for number in range(30):  # in order now, which would prove a source while nobody is believed
            others[0].sendto(rtp(b"\xee" * 160, seq=number, ts=160 * number, ssrc=9), a.remote)
            others[3].sendto(struct.pack(">BBHIBBHI", 0x80, 201, 1, 1, 0x81, 203, 1, a.ssrc), (a.remote[0], a.remote[1] + 1))
        b.say(20, payload=b"\x22" * 160, pace=0.005)
        time.sleep(0.2)
        heard, back = b.hear(), a.hear()
        require(not any(b"\xee" * 20 in packet for packet in heard), "b heard a stranger")
        require(sum(b"\x11" * 160 in packet for packet in heard) >= 95, f"b heard {len(heard)} packets")
        require(sum(b"\x22" * 160 in packet for packet in back) >= 19, f"a heard {len(back)} packets")
        stolen = 0
        for other in others:
            try:
                while other.recv(4096):
                    stolen += 1
            except OSError:
                pass
            other.close()
        require(stolen == 0, f"strangers got {stolen} packets")
        return "strangers' 2,400 packets were heard by nobody, and none was sent to them"

    def stale(self):
        """A telephone that still speaks to the port of a call that is over, from the address of the one who has the port now."""
        a, b = self.pair(100, 101)
        old = a.remote
        ghost = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ghost.bind(("127.0.0.1", 0))
        for number in range(40):  # before the rightful one speaks
            ghost.sendto(rtp(b"\xee" * 160, seq=number, ts=160 * number, ssrc=9), old)
            time.sleep(0.005)
        b.hear()
        over = threading.Event()

        def haunt():
            number = 40
            while not over.is_set():
                ghost.sendto(rtp(b"\xee" * 160, seq=number, ts=160 * number, ssrc=9), old)
                number += 1
                time.sleep(0.01)
        thread = threading.Thread(target=haunt)
        thread.start()
        try:
            a.say(100, payload=b"\x11" * 160, pace=0.01)
        finally:
            over.set()
            thread.join()
        ghost.close()
        mine = sum(b"\x11" * 160 in packet for packet in b.hear())
        require(mine >= 80, f"of 100 packets of the telephone {mine} were heard while a stale stream came from its address")
        return f"{mine} of 100 packets were heard beside a stale stream from the same address"

    def numbers(self):
        """Sources, sequence numbers and timestamps in every disorder, relayed, transcoded, echoed and mixed."""
        sent = 0
        for codecs, number in ((("pcmu", "pcmu"), None), (("pcmu", "opus"), None), (("pcmu", None), "600"), (("pcmu", None), "800")):
            if number:
                a, b = self.line(100, codec=codecs[0]), None
                self.reach(a, number)
            else:
                a, b = self.pair(100, 101, codecs)
            a.say(10, pace=0.002)

            def one(_):
                draw = self.random.random()
                if draw < 0.2:
                    a.ssrc = self.random.getrandbits(32)
                elif draw < 0.4:
                    a.seq += self.random.choice([-101, -64, -1, 2, 63, 64, 65, 2_999, 3_000, 32_768, 65_535])
                elif draw < 0.7:
                    a.ts += self.random.choice([1 << 31, (1 << 31) - 161, (1 << 31) + 1, -160, 16_000, -15_999, 1, 48_000, self.random.getrandbits(32)])
                a.say(1, payload=bytes(self.random.getrandbits(8) for _ in range(self.random.choice([1, 80, 160, 161, 240, 1_400]))))
            self.paced(4_000, one)
            sent += 4_000
            self.hang_up()
        return f"{sent:,} packets with sources, numbers and timestamps at random"

    def half_circle(self):
        """In a room: the second packet stands half the circle of timestamps behind the first."""
        for offset in range(-3_200, 3_201, 400):
            a = self.line(100)
            self.reach(a, "800")
            for _ in range(3):
                a.say(1)
                a.ts += (1 << 31) + offset
                a.say(1)
                time.sleep(0.08)
            self.hang_up()
            require(self.pbxd.process.poll() is None, f"pbxd has ended with an offset of {offset}\n{self.pbxd.tail(30)}")
        return "17 calls with such packets"

    def ssrc_theft(self):
        """Packets that bear the appliance's own SSRC."""
        a, b = self.pair(100, 101)
        a.say(5, pace=0.01)
        b.say(20, pace=0.01)
        changes = 0
        for _ in range(200):
            heard = a.hear()
            if heard:
                own = struct.unpack(">I", heard[-1][8:12])[0]
                changes += own != a.ssrc
                a.ssrc = own
            a.say(5)
            b.say(5, pace=0.001)
        require(changes < 20, f"the appliance changed its SSRC {changes} times")
        return f"a thief of SSRCs made the appliance change its own {changes} times"

    def reports(self):
        """RTCP compounds with every byte changed, cut and lengthened; forged BYE; lying lengths of XR blocks."""
        a, b = self.pair(100, 101)
        a.say(10, pace=0.01)
        b.say(10, pace=0.01)
        time.sleep(0.05)
        ours = struct.unpack(">I", a.hear()[-1][8:12])[0]
        block = struct.pack(">IIIIII", ours, 0x10000001, 100, 5, 0, 0)
        report = struct.pack(">BBHIQIII", 0x81, 200, 12, a.ssrc, 1 << 40, 0, 1, 160) + block
        names = struct.pack(">BBHIBB", 0x81, 202, 3, a.ssrc, 1, 4) + b"a@b" + b"x" + b"\0\0"
        extended = struct.pack(">BBHI", 0x80, 207, 15, a.ssrc) + struct.pack(">BBHQ", 4, 0, 2, 1 << 33) + struct.pack(">BBHI", 7, 0, 8, ours) + bytes(28)
        goodbye = struct.pack(">BBHI", 0x81, 203, 1, a.ssrc)
        whole = report + names + extended + goodbye
        a.throw(whole, rtcp=True)

        def one(number):
            changed = bytearray(whole if number % 2 else self.random.choice([report, report + extended, report + goodbye]))
            for _ in range(self.random.randrange(1, 5)):
                place = self.random.randrange(len(changed))
                draw = self.random.random()
                if draw < 0.6:
                    changed[place] = self.random.choice([0, 1, 0x1F, 0x20, 0x7F, 0x80, 0x81, 0x9F, 0xBF, 0xFF, self.random.getrandbits(8)])
                elif draw < 0.8:
                    del changed[place:]
                    changed = changed or bytearray(b"\x80")
                else:
                    changed += bytes(self.random.getrandbits(8) for _ in range(self.random.randrange(1, 40)))
            a.throw(bytes(changed), rtcp=True)
        self.paced(6_000, one)
        a.throw(b"", rtcp=True)
        a.throw(b"\x80\xc8" + b"\xff\xff" + bytes(65_000), rtcp=True)
        b.hear()
        a.say(10, payload=b"\x33" * 160, pace=0.01)
        time.sleep(0.1)
        heard = sum(b"\x33" * 160 in packet for packet in b.hear())
        require(heard >= 9, f"after forged reports b hears {heard} of 10 packets")
        require(self.ctl("calls"), "a forged BYE ended the call")
        return "6,000 changed compounds, BYE too, and the call goes on"

    def forms(self):
        """Header extensions of the maximum, padding that lies, 15 contributing sources, datagrams of no and of 65,507 bytes."""
        for codecs in (("pcmu", "pcmu"), ("pcmu", "opus")):
            a, b = self.pair(100, 101, codecs)
            a.say(5, pace=0.005)

            def one(number):
                first = 0x80 | self.random.choice([0, 0x10, 0x20, 0x30, 0x0F, 0x1F, 0x2F, 0x3F])
                sources = bytes(4 * (first & 15))
                words = self.random.choice([0, 1, 10, 340, 0xFFFF])
                extension = struct.pack(">HH", 0xBEDE, words) + bytes(4 * min(words, 340)) if first & 0x10 else b""
                body = bytes(self.random.choice([0, 1, 160, 400])) + bytes([self.random.choice([0, 1, 4, 160, 255])])
                a.say(1, payload=body, first=first, extra=sources + extension)
            self.paced(3_000, one)
            for size in (0, 1, 2, 11, 12, 13, 1_471, 1_472, 1_500, 1_501, 8_000, 65_507):
                for head in (b"\x80\x00", b"\x80\x60", b"\x80\xc8", b"\x16\xfe", b"\x00\x01", b"\xff\xff"):
                    a.throw((head + bytes(max(0, size - 2)))[:size])
                    a.throw((head + bytes(max(0, size - 2)))[:size], rtcp=True)
            b.hear()
            a.say(20, payload=b"\x44" * 160, pace=0.01)
            time.sleep(0.1)
            heard = len(b.hear())
            require(heard >= 18, f"after odd datagrams b hears {heard} of 20 packets ({codecs})")
            self.hang_up()
        return "6,000 odd headers and 144 odd sizes; the calls went on"

    def opus(self):
        """Every TOC byte with bodies at random, relayed, decoded for G.711, for a room, and echoed."""
        sent = 0
        for other, number in (("pcmu", None), ("g722", None), ("opus", None), (None, "801"), (None, "600")):
            if number:
                a = self.line(100, codec="opus")
                self.reach(a, number)
            else:
                a, _ = self.pair(100, 101, ("opus", other))

            def one(number):
                toc = number & 255
                body = bytes(self.random.getrandbits(8) for _ in range(self.random.choice([0, 1, 2, 20, 120, 600])))
                if toc & 3 == 3:  # a count of frames, with padding and variable sizes at random
                    body = bytes([self.random.choice([1, 2, 6, 48, 63]) | self.random.choice([0, 0x40, 0x80, 0xC0])]) + bytes([self.random.choice([0, 5, 254, 255])]) + body
                a.say(1, payload=bytes([toc]) + body, pt=OPUS, step=self.random.choice([480, 960, 1_920, 2_880, 5_760]))
            self.paced(2_048, one)
            sent += 2_048
            self.hang_up()
        return f"{sent:,} packets of Opus, every TOC eight times to each of five listeners"

    def keys(self):
        """Floods of telephone events, one that never ends, ones cut into segments, and of comfort noise."""
        told = []
        for codecs, events in ((("pcmu", "pcmu"), True), (("pcmu", "opus"), True), (("opus", "pcmu"), True), (("pcmu", "pcmu"), False), (("pcmu", "opus"), False)):
            a, b = self.line(100, codec=codecs[0]), self.line(101, codec=codecs[1])
            b.offer = b.description(events=events)
            self.reach(a, "101")
            a.say(5, pt=None if codecs[0] == "pcmu" else OPUS, payload=b"\xff" * 160 if codecs[0] == "pcmu" else b"\xf8\xff\xfe", pace=0.005)
            b.hear()
            begun = a.ts

            def one(number):
                draw = number % 4
                if draw == 0:  # another key each time, of the longest duration
                    body, a.ts = struct.pack(">BBH", number % 17, 10, 65_535), a.ts + 160
                elif draw == 1:
                    body = struct.pack(">BBH", self.random.getrandbits(8), self.random.getrandbits(8), self.random.getrandbits(16))
                elif draw == 2:
                    body, a.ts = struct.pack(">BBH", 5, 10, 65_535), (begun + 65_535 * (number // 4)) & 0xFFFFFFFF
                else:
                    return a.say(1, payload=bytes([self.random.getrandbits(8) for _ in range(self.random.choice([1, 2, 12, 200]))]), pt=NOISE, step=0)
                a.say(1, payload=body, pt=EVENT, step=0)
            begun_at = time.monotonic()
            self.paced(3_000, one)
            time.sleep(0.2)
            heard, seconds = b.hear(), time.monotonic() - begun_at
            told.append(f"{codecs[0]}>{codecs[1]}{'' if events else ' tones'} {len(heard)} packets of {sum(map(len, heard))} bytes in {seconds:.1f} s")
            # A thousand events a second would be allowed, but of tones only as much as time has passed.
            require(events or len(heard) < 50 * (seconds + 5), f"{told[-1]}")
            self.hang_up()
        return f"for 3,000 packets each: {', '.join(told)}"

    def descriptions(self):
        """Session descriptions that lie: each is refused or taken, and pbxd outlives it."""
        a, b = self.line(100), self.line(101)
        many = " ".join(map(str, range(100)))
        cases = {
            "ptime 0": a.description(lines=("a=ptime:0",)), "ptime 1": a.description(lines=("a=ptime:1",)), "ptime 1000": a.description(lines=("a=ptime:1000",)),
            "ptime huge": a.description(lines=("a=ptime:99999999999999999999",)), "ptime -1": a.description(lines=("a=ptime:-1", "a=maxptime:0")),
            "maxptime 1": a.description(lines=("a=maxptime:1",)), "100 types": a.description(formats=many), "1000 types": a.description(formats=" ".join(["0"] * 1000)),
            "rate 0": a.description(formats="96 0", lines=("a=rtpmap:96 opus/0/2", "a=rtpmap:0 PCMU/0", "a=rtpmap:101 telephone-event/0")),
            "rate huge": a.description(lines=("a=rtpmap:0 PCMU/99999999999999", "a=rtpmap:8 PCMA/8000/255")),
            "events at 1 Hz": a.description(lines=("a=rtpmap:101 telephone-event/1",)),
            "fmtp of 4 KB": a.description(codec="opus", lines=("a=fmtp:96 " + ";".join(f"x{n}={n}" for n in range(500)),)),
            "opus lies": a.description(codec="opus", lines=("a=fmtp:96 maxplaybackrate=0;sprop-maxcapturerate=999999999;maxaveragebitrate=1;minptime=999;stereo=2;cbr=9",)),
            "unspecified": a.description(address="0.0.0.0"), "multicast": a.description(address="224.0.0.1"), "broadcast": a.description(address="255.255.255.255"),
            "network's broadcast": a.description(address="127.255.255.255"), "nowhere": a.description(address="240.0.0.1"), "port 0": a.description(port=0), "port 1": a.description(port=1),
            "port 65535": a.description(port=65_535), "our SIP port": a.description(port=self.server[1]), "rtcp elsewhere": a.description(lines=("a=rtcp:1 IN IP4 127.0.0.9",)),
            "two sections": a.description() + f"m=audio {a.rtp_port} RTP/AVP 0\r\nm=video 9 RTP/AVP 31\r\n", "no c": a.description().replace("c=IN IP4 127.0.0.1\r\n", ""),
            "key of nothing": a.description(proto="RTP/SAVP", lines=("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:",)),
            "fingerprint": a.description(proto="UDP/TLS/RTP/SAVP", lines=("a=setup:active", "a=fingerprint:sha-256 " + ":".join(["00"] * 32))),
            "60 KB": a.description(lines=tuple("a=x:" + "y" * 200 for _ in range(290))),
        }
        told = {}
        for name, body in cases.items():
            begun = time.monotonic()
            answer = a.dial("101", body=body, timeout=1.5, tries=2)
            status = answer.status if answer else 0
            told[status] = told.get(status, 0) + 1
            if status == 200:
                b.say(20, payload=b"\x66" * 160, pace=0.002)
                a.say(5, pace=0.002)
                again = a.again(timeout=1.5, tries=2)
                require(again is not None and again.status in (200, 491), f"{name}: a sane re-INVITE got {again and again.start}")
                a.bye()
            require(time.monotonic() - begun < 6, f"{name}: took {time.monotonic() - begun:.1f} s")
            require(self.pbxd.process.poll() is None, f"{name}: pbxd has ended\n{self.pbxd.tail(30)}")
        return f"{len(cases)} descriptions, answers {dict(sorted(told.items()))} (0: none)"

    def loop(self):
        """A call whose sides are said to be at each other's ports of the appliance: a key pressed by INFO is the first packet."""
        a, b = self.line(100), self.line(101)
        # The other side's port is not told, but ports follow each other.
        b.offer = lambda: b.description(address=b.remote[0], port=b.remote[1] - 2 * os.cpu_count())
        for _ in range(3):  # but for the last of the range
            self.reach(a, 101)
            own, other = a.remote, b.remote
            if own[1] == other[1] - 2 * os.cpu_count():
                break
            a.bye()
        require(own[1] == other[1] - 2 * os.cpu_count(), f"ports do not follow each other: {own[1]}, {other[1]}")
        answer = a.again(a.description(address=other[0], port=other[1]))
        require(answer is not None and answer.status == 200, f"re-INVITE: {answer and answer.start}")
        time.sleep(0.2)
        before, begun = self.state()[2], time.monotonic()
        for key in "123456":
            answer = a.press(key)
            require(answer is not None and answer.status == 200, f"INFO: {answer and answer.start}")
        time.sleep(7)  # figures of calls are some seconds old
        lasted, used = time.monotonic() - begun, self.state()[2] - before
        most = max(leg["packetsReceived"] for call in self.ctl("calls") for leg in call["legs"])
        require(most < 1_100 * lasted, f"{most:,} packets went round in {lasted:.1f} s, for {used:.1f} s of processor time")
        self.hang_up()
        a = self.line(100)
        self.reach(a, "800")
        own = a.remote
        a.again(a.description(address=own[0], port=own[1]))
        before = self.state()[2]
        time.sleep(2)
        used = self.state()[2] - before
        require(used < 1.0, f"a room that hears itself took {used:.1f} s of processor time in 2 s")
        return f"{most} packets went round in {lasted:.0f} s; neither ran away"

    def room_loop(self):
        """Two participants of a room whose media are said to be at each other's ports."""
        a, b = self.line(100), self.line(101)
        for line in (a, b):
            self.reach(line, "800")
            line.say(3, pace=0.01)
        first, second = a.remote, b.remote
        for line, other in ((a, second), (b, first)):
            answer = line.again(line.description(address=other[0], port=other[1]))
            require(answer is not None and answer.status == 200, f"re-INVITE: {answer and answer.start}")
        before = self.state()[2]
        time.sleep(3)
        used = self.state()[2] - before
        require(used < 1.5, f"took {used:.1f} s of processor time in 3 s")
        return f"{used:.2f} s of processor time in 3 s"

    def switches(self):
        """Ten re-INVITEs a second that change the codec, and hold and unhold in between, while both speak."""
        a, b = self.pair(100, 101)
        over, refused = time.monotonic() + 8, 0
        count = 0
        while time.monotonic() < over:
            begun = time.monotonic()
            count += 1
            codec = ("pcmu", "opus", "g722", "pcma")[count % 4]
            direction = ("sendrecv", "sendrecv", "sendonly", "inactive")[self.random.randrange(4)]
            b.offer = b.description(codec=("pcmu", "opus")[count % 2]) if self.random.random() < 0.5 else None
            answer = a.again(a.description(codec=codec, direction=direction), timeout=1, tries=3)
            refused += answer is None or answer.status != 200
            a.say(3, payload=b"\x77" * 60)
            b.say(3, payload=b"\x77" * 60, pt=OPUS)
            time.sleep(max(0, 0.1 - (time.monotonic() - begun)))
        return f"{count} re-INVITEs, {refused} not taken"

    def rooms(self):
        """Rooms filled and left in a storm, with whoever is inside speaking."""
        joined = refused = 0
        over = time.monotonic() + 12
        inside = []
        free = list(range(100, 150))
        while time.monotonic() < over:
            if free and (len(inside) < 4 or self.random.random() < 0.6):
                user = free.pop(self.random.randrange(len(free)))
                line = self.line(user, codec=self.random.choice(("pcmu", "opus", "g722")))
                answer = line.dial(self.random.choice(("800", "801")), timeout=1, tries=3)
                if answer is not None and answer.status == 200:
                    inside.append(line)
                    joined += 1
                else:
                    refused += 1
                    self.lines.remove(line)
                    line.close()
                    free.append(user)
            elif inside:
                line = inside.pop(self.random.randrange(len(inside)))
                line.bye()
                self.lines.remove(line)
                line.close()
                free.append(int(line.user))
            for line in inside:
                line.say(2, payload=bytes(self.random.getrandbits(8) for _ in range(80)), pt={"pcmu": 0, "g722": 9, "opus": OPUS}[line.codec])
        return f"{joined} joined, {refused} refused"

    def unverified(self):
        """What the appliance sends to an address that has not said a word: a caller names it, and music or tones would go there."""
        victim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        victim.bind(("127.0.0.77", 0))
        victim.setblocking(False)
        a = self.line(100)
        self.reach(a, "800", body=a.description(address="127.0.0.77", port=victim.getsockname()[1]))
        time.sleep(3)
        size = 0
        try:
            while True:
                size += len(victim.recv(4096))
        except OSError:
            pass
        victim.close()
        return f"{size / 3:.0f} bytes a second to the address that the caller named"

    def exhaustion(self):
        """Every port taken, then given back; the next call after the quarantine, or in it when there is no other port."""
        self.stop()
        self.serve(ports=range(16_384, 16_400))  # four calls
        answers = []
        for user in range(100, 108):
            line = self.line(user)
            answer = line.dial("600", timeout=2, tries=3)
            answers.append(answer.status if answer else 0)
        require(answers.count(200) == 4 or answers.count(200) == 8, f"with ports for four calls: {answers}")
        require(all(status in (200, 503, 480, 500) for status in answers), f"{answers}")
        self.hang_up()
        line = self.line(120)
        self.reach(line, "600")
        self.hang_up()
        self.stop()
        self.serve()
        return f"answers {answers}, and a call right behind"

    def descriptors(self):
        """No more than 64 open files."""
        self.stop()
        self.serve(files=64)
        answers = []
        for user in range(100, 130):
            line = self.line(user)
            answer = line.dial("600", timeout=2, tries=3)
            answers.append(answer.status if answer else 0)
        require(answers.count(200) > 0 and all(status in (200, 503, 500) for status in answers), f"with 64 files: {answers}")
        self.hang_up()
        until("calls to end", lambda: not self.ctl("calls"), 20, 0.2)
        line = self.line(140)
        self.reach(line, "600")
        size = os.path.getsize(self.pbxd.log_path)
        self.hang_up()
        self.stop()
        self.serve()
        return f"{answers.count(200)} calls of 30, the others refused; {size} bytes of log"

    def killed(self):
        """pbxd dies in a call and comes back: the telephones' media of before are nobody's."""
        data = self.data
        a, b = self.pair(100, 101)
        a.say(20, pace=0.01)
        old = a.remote
        self.pbxd.process.kill()
        self.pbxd.process.wait()
        over = threading.Event()

        def go_on():
            while not over.is_set():
                a.say(1, payload=b"\xee" * 160)
                time.sleep(0.01)
        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            self.serve(data=data)
            c, d = self.pair(110, 111)
            c.say(50, payload=b"\x11" * 160, pace=0.01)
            heard = d.hear()
        finally:
            over.set()
            thread.join()
        require(not any(b"\xee" * 160 in packet for packet in heard), f"the call of before is heard in another (its port {old[1]}, the other's {c.remote[1]})")
        return f"the port of before was {old[1]}, the next call's {c.remote[1]}"

    def starved(self):
        """pbxd is stopped for five seconds in the middle of calls."""
        a, b = self.pair(100, 101, ("pcmu", "opus"))
        c = self.line(110)
        self.reach(c, "800")
        over = threading.Event()

        def go_on():
            while not over.is_set():
                a.say(1)
                c.say(1)
                time.sleep(0.02)
        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            time.sleep(1)
            os.kill(self.pbxd.process.pid, signal.SIGSTOP)
            time.sleep(5)
            os.kill(self.pbxd.process.pid, signal.SIGCONT)
            time.sleep(1)
            b.hear()
            time.sleep(2)
            heard = len(b.hear())
        finally:
            over.set()
            thread.join()
        require(60 <= heard <= 160, f"b heard {heard} packets in the 2 s after")
        return f"{heard} packets in 2 s, a second after it woke up"

    def dtls(self):
        """Garbage, fragments and floods of ClientHello at a port that awaits a handshake."""
        self.stop()
        self.serve(more=", srtp: optional")
        a = self.line(100)
        told = []
        for setup in ("active", "actpass", "passive"):
            body = a.description(proto="UDP/TLS/RTP/SAVP", lines=(f"a=setup:{setup}", "a=rtcp-mux", "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)))
            answer = a.dial("600", body=body)
            told.append(answer.status if answer else 0)
            if not answer or answer.status != 200:
                continue
            time.sleep(0.1)
            a.hear()
            hello = self.hello()
            sent = 0
            for number in range(1_500):
                draw = number % 5
                if draw == 0:
                    datagram = hello[:11] + struct.pack(">H", len(hello) - 13) + hello[13:]
                elif draw == 1:
                    changed = bytearray(hello)
                    changed[self.random.randrange(len(changed))] ^= 1 << self.random.randrange(8)
                    datagram = bytes(changed)
                elif draw == 2:  # one byte of a message said to be of 16 MB
                    datagram = struct.pack(">BHHIHH", 22, 0xFEFD, 0, 0, number & 0xFFFF, 13) + b"\x01\xff\xff\xff" + struct.pack(">H", 0) + bytes([0, 0, number & 255, 0, 0, 1, 65])
                elif draw == 3:
                    datagram = bytes([self.random.choice([20, 21, 22, 23, 25, 63])]) + bytes(self.random.getrandbits(8) for _ in range(self.random.choice([0, 12, 13, 100, 1_400])))
                else:
                    datagram = struct.pack(">BHHIHH", 21, 0xFEFD, 0, 0, 1, 2) + b"\x02\x28"
                sent += len(datagram)
                a.throw(datagram)
                if number % 50 == 49:
                    time.sleep(0.01)
            time.sleep(0.3)
            back = sum(map(len, a.hear()))
            told.append(f"{setup}: {back} bytes for {sent}")
            require(back < 3 * sent, f"{setup}: {back} bytes went out for {sent} that came")
            a.bye()
        self.hang_up()
        self.stop()
        self.serve()
        return str(told)

    def hello(self):
        """A ClientHello of DTLS 1.2 with use_srtp."""
        extensions = struct.pack(">HHH", 10, 4, 2) + b"\x00\x17" + struct.pack(">HHH", 13, 4, 2) + b"\x04\x03" + struct.pack(">HHHHB", 14, 5, 2, 7, 0) + struct.pack(">HHB", 11, 2, 1) + b"\0" + struct.pack(">HH", 23, 0)
        body = b"\xfe\xfd" + bytes(32) + b"\0" + b"\0" + struct.pack(">HH", 2, 0xC02B) + b"\x01\x00" + struct.pack(">H", len(extensions)) + extensions
        message = b"\x01" + struct.pack(">I", len(body))[1:] + bytes(2) + bytes(3) + struct.pack(">I", len(body))[1:] + body
        return struct.pack(">BHHIHH", 22, 0xFEFF, 0, 0, 0, len(message)) + message

    def relay(self):
        """An rtpengine that answers rubbish, other cookies, late, twice or never."""
        self.stop()
        control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        control.bind(("127.0.0.1", free_port()))
        mood, over, seen = ["pong"], threading.Event(), [0]

        def answer():
            control.settimeout(0.2)
            while not over.is_set():
                try:
                    request, source = control.recvfrom(65_535)
                except OSError:
                    continue
                seen[0] += 1
                cookie, _, body = request.partition(b" ")
                rubbish = [b"", b"d", b"d6:result2:ok", b"d6:result2:oke", b"d6:result2:ok3:sdp3:v=0e", b"i-0e", b"l" * 5_000, b"99999999999999999999:", b"d6:result2:ok3:sdp-1:e",
                           b"d6:result5:error12:error-reason15:Unknown call-ide", b"d6:resulti9ee", b"d6:result2:ok4:tagsd1:ad6:mediasld7:streamsld5:statsd7:packetsi-5e5:bytesi9223372036854775807eeeeeeee",
                           b"d6:result2:ok3:sdp120:" + b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 99999 RTP/AVP 0\r\n".ljust(120) + b"e",
                           bytes(self.random.getrandbits(8) for _ in range(200))]
                if b"4:ping" in body and mood[0] != "never":
                    control.sendto(cookie + b" d6:result4:ponge", source)
                elif mood[0] == "rubbish":
                    for text in self.random.sample(rubbish, 3):
                        control.sendto(cookie + b" " + text, source)
                    control.sendto(self.random.choice(rubbish), source)
                elif mood[0] == "late":
                    threading.Timer(3, lambda: control.sendto(cookie + b" d6:result2:oke", source)).start()
                elif mood[0] == "flood":
                    for text in rubbish * 10:
                        control.sendto(self.random.choice([cookie, b"other", b"x" * 300]) + b" " + text, source)
        thread = threading.Thread(target=answer)
        thread.start()
        told = []
        try:
            self.serve(more=f', backend: rtpengine, rtpengine: {{ address: "127.0.0.1:{control.getsockname()[1]}" }}')
            time.sleep(1)
            for kind in ("rubbish", "late", "flood", "silent", "never"):
                mood[0] = kind
                line = self.line(100 + len(told))
                begun = time.monotonic()
                for _ in range(6):
                    answered = line.dial("600", timeout=2, tries=3)
                    if answered is not None and answered.status == 200:
                        line.bye()
                told.append(f"{kind}: {answered.status if answered else 0} in {time.monotonic() - begun:.1f} s")
                self.state()
            self.hang_up()
            until("no call to be left", lambda: not self.ctl("calls"), 30, 0.3)
            size = os.path.getsize(self.pbxd.log_path)
            require(size < 64_000, f"{size} bytes of log")
            self.stop()
        finally:
            over.set()
            thread.join()
            control.close()
        self.serve()
        return f"{', '.join(told)}; {size} bytes of log"

    def fill(self):
        """The log while a telephone calls again and again what cannot be had: a room in a flood, an extension that is not there."""
        a = self.line(100)
        before = os.path.getsize(self.pbxd.log_path)
        for number in range(150):
            a.dial(("7777", "600")[number % 2], body=a.description(formats="18"), timeout=0.5, tries=2)
        grown = os.path.getsize(self.pbxd.log_path) - before
        require(grown < 20_000, f"150 refused calls filled {grown} bytes of log")
        return f"{grown} bytes of log for 150 refused calls"

    CHAPTERS = ("strangers", "stale", "numbers", "half_circle", "ssrc_theft", "reports", "forms", "opus", "keys", "descriptions", "loop", "room_loop", "switches", "rooms", "unverified", "exhaustion", "descriptors", "killed", "starved", "dtls", "relay", "fill")

    def play(self, names):
        self.serve()
        failures = []
        for name in names:
            try:
                self.chapter(name)
            except (Failed, OSError, TypeError, IndexError, KeyError, struct.error) as error:
                failures.append(name)
                print(f"FAILED {name}: {error}", file=sys.stderr, flush=True)
                if self.pbxd.process.poll() is None:
                    self.hang_up()
                for line in self.lines:
                    line.close()
                self.lines = []
        if self.pbxd.process.poll() is None:
            self.stop()
        require(not failures, f"{len(failures)} of {len(names)} chapters: {', '.join(failures)}")


def main():
    parser = story_parser(__doc__)
    parser.add_argument("--only", help="chapters, with commas between")
    parser.add_argument("--list", action="store_true", help="name the chapters")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--growth", type=float, default=24, help="MiB by which a chapter may make memory grow (default 24)")
    options = parser.parse_args()
    if options.list:
        print("\n".join(Attack.CHAPTERS))
        return 0
    end_on_signals()
    attack = Attack(options)
    try:
        attack.play(options.only.split(",") if options.only else Attack.CHAPTERS)
        print(f"media_attack: {attack.count} chapters in {time.monotonic() - attack.started:.0f} s", flush=True)
        return 0
    except (Failed, OSError) as error:
        return fail(error)
    finally:
        for line in attack.lines:
            line.close()
        attack.end()


if __name__ == "__main__":
    sys.exit(main())
