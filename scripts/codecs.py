#!/usr/bin/env python3
"""Every codec and every way of keying between telephones that we did not write: baresip, linphone and SIPp, with tshark listening.

  codecs.py --bin .build/debug [--keep DIR]

Each chapter's calls run side by side. A tone goes each way and has to be recognised at the other end; on the network between, a protected
leg must sound like nothing. All traffic is on loopback; every process is ended by its pid. Exit status 0 only if all hold."""
import argparse
import collections
import math
import pathlib
import random
import struct
import subprocess
import sys
import time

from baresip import from_ulaw, loudest
from capture import Capture
from harness import Failed, end_on_signals, fail, free_port, require, run, until
from linphone import Linphone
from secure import SECRET, Secure

BARESIP = {"opus": "opus/48000/2", "G722": "G722/16000/1", "PCMU": "PCMU/8000/1", "PCMA": "PCMA/8000/1"}
PAIRS = [(a, b) for a in ("opus", "G722", "PCMU") for b in ("opus", "G722", "PCMA")]
SIPP = pathlib.Path(__file__).resolve().parent.parent / "Benchmarks" / "peers" / "sipp"
TAGS = {4: "AES_CM_128_HMAC_SHA1_32", 10: "AES_CM_128_HMAC_SHA1_80", 16: "AEAD_AES_GCM"}


class Codecs(Secure):
    USERS = range(100, 150)

    def __init__(self, options):
        super().__init__(options)
        self.free_users, self.heads = iter(self.USERS), iter(range(25_000, 28_600, 20))

    def user(self):
        return str(next(self.free_users))

    def ports(self):
        """A range of media ports for one telephone: what tells its packets apart in a capture."""
        first = next(self.heads)
        return range(first, first + 20)

    def baresip(self, name, codec, hertz, transport="udp", ports=None, **options):
        user = self.user()
        more = options.pop("more", "") + (f"\nrtp_ports {ports[0]}-{ports[-1]}" if ports else "")
        phone = self.phone(name, user, transport, codec=BARESIP[codec], hertz=hertz, more=more, **options)
        phone.user = user
        return phone

    def linphone(self, name, codec, hertz, transport="udp", **options):
        user, ports = self.user(), self.ports()
        registered = self.ctl("status")["registrations"]
        server = self.listeners["sips" if transport == "tls" else "sip-udp"]
        phone = Linphone(self, name, user, SECRET.format(user), server, ports[0], transport=transport, codec=codec, hertz=hertz, **options)
        try:
            until(f"{name}'s registration", lambda: self.ctl("status")["registrations"] > registered, 20, 0.1)
        except Failed as error:
            raise Failed(f"{error}\n{phone.tail()}") from None
        phone.user, phone.ports = user, ports
        return phone

    def listen(self):
        """A capture of its own; one that a failed chapter has left open ends."""
        if self.capture:
            self.capture.end()
        self.capture = Capture(self.directory)

    def talking(self, count, seconds):
        """All calls, once so many of them are so old."""
        def old():
            calls = [c for c in self.ctl("calls") if c["state"] == "talking" and c["seconds"] >= seconds]
            return calls if len(calls) >= count else None
        return until(f"{count} calls of {seconds} s", old, 40, 0.2)

    # --- one method per chapter

    def pairs(self):
        """Nine calls at once, each between two codecs."""
        calls = []
        for number, (from_, to) in enumerate(PAIRS):
            caller = self.baresip(f"caller-{from_}-{to}", from_, 700 + 40 * number, answers=False)
            calls.append((caller, self.baresip(f"callee-{from_}-{to}", to, 1_300 + 40 * number), 700 + 40 * number, 1_300 + 40 * number))
        for caller, callee, _, _ in calls:
            caller.dial(callee.user)
        for caller, _, _, _ in calls:
            caller.wait_for("CALL_ESTABLISHED", 30)
        shown = self.talking(len(calls), 4)
        for caller, callee, _, _ in calls:
            caller.end()
            callee.end()
        told = []
        for (from_, to), (caller, callee, mine, theirs) in zip(PAIRS, calls):
            told.append(f"{from_}/{to} {callee.hears(mine)}>{caller.hears(theirs)}<")
        codecs = collections.Counter(str(c["codecs"]) for c in shown)
        require(len(codecs) == len(PAIRS), f"the calls had the codecs {dict(codecs)}")
        self.no_call()
        self.step("baresip, every pair of codecs", f"tones in Hz heard by the callee> and the caller<: {', '.join(told)}")

    def protections(self):
        """What each way of keying leaves to be heard on the network: one leg protected, the other plain, all at once."""
        kinds = (
            ("SDES from the caller", dict(transport="tls", parameters=";mediaenc=srtp-mand"), True),
            ("SDES to the callee", dict(transport="tls", parameters=";mediaenc=srtp-mand"), False),
            ("DTLS from the caller", dict(transport="udp", parameters=";mediaenc=dtls_srtp", more="rtcp_mux yes"), True),
        )
        calls = []
        for number, (name, options, calls_out) in enumerate(kinds):
            mine, theirs = 1_000 + 40 * number, 440 + 40 * number
            secure, plain = self.ports(), self.ports()
            safe = self.baresip(f"safe-{number}", "PCMU", mine, ports=secure, answers=not calls_out, **options)
            other = self.baresip(f"open-{number}", "PCMU", theirs, ports=plain, answers=calls_out)
            calls.append((name, safe, other, mine, theirs, secure, plain, calls_out))
        linphones = []
        for number, suite in enumerate(("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")):  # Debian's has no GCM
            mine, theirs = 1_200 + 40 * number, 600 + 40 * number
            plain = self.ports()
            safe = self.linphone(f"safe-linphone-{number}", "PCMU", mine, transport="tls", encryption="srtp", suites=suite)
            other = self.baresip(f"open-linphone-{number}", "PCMU", theirs, ports=plain)
            linphones.append((f"linphone, SDES {suite}", safe, other, mine, theirs, safe.ports, plain, True))
        self.listen()
        for _, safe, other, *_, calls_out in calls + linphones:
            (safe if calls_out else other).dial((other if calls_out else safe).user)
        for _, safe, other, *_, calls_out in calls:
            (safe if calls_out else other).wait_for("CALL_ESTABLISHED", 20)
        for _, _, other, *_ in linphones:
            other.wait_for("CALL_ESTABLISHED", 20)
        self.talking(len(calls) + len(linphones), 4)
        self.capture.finish()
        for _, safe, other, *_ in calls + linphones:
            other.tell("hangup")
            safe.end()
            other.end()
        streams = self.capture.streams()
        for name, safe, other, mine, theirs, secure, plain, _ in calls + linphones:
            heard = f"the protected side heard {safe.hears(theirs)} Hz, the plain side {other.hears(mine)} Hz"
            for ports, hertz, way in ((plain, theirs, "from"), (plain, mine, "to")):
                sound = self.sound(streams, ports, way)
                found, share = loudest(from_ulaw(sound[8_000:16_000]), 8_000)
                require(abs(found - hertz) <= 20 and share > 0.5, f"{name}: plain leg, {way} the telephone: {found} Hz holds {share:.3f}")
            tags, shares = set(), []
            for way in ("from", "to"):
                tag, share = self.hidden(streams, secure, way, name)
                tags.add(tag)
                shares.append(f"{share:.3f}")
            self.step(name, f"{' and '.join(TAGS.get(t, f'{t} bytes') for t in sorted(tags))}; {heard}; on the network the strongest tone holds {', '.join(shares)} of the energy")
        self.no_call()

    @staticmethod
    def packets(streams, ports, way):
        """RTP of PCMU from or to a telephone, by its ports."""
        return [p for (source, destination), list_ in streams.items() if (source if way == "from" else destination) in ports
                for p in list_ if len(p) >= 172 and p[0] >> 6 == 2 and p[1] & 0x7F == 0]

    def sound(self, streams, ports, way):
        packets = self.packets(streams, ports, way)
        require(len(packets) > 100, f"{len(packets)} packets of PCMU {way} ports {ports}")
        return b"".join(p[12:172] for p in packets)

    def hidden(self, streams, ports, way, name):
        """A protected direction: no tone, no pattern, no packet that any plain one equals; the bytes of its tag."""
        packets, sound = self.packets(streams, ports, way), self.sound(streams, ports, way)
        hertz, share = loudest(from_ulaw(sound[8_000:16_000]), 8_000)
        entropy = -sum(n / len(sound) * math.log2(n / len(sound)) for n in collections.Counter(sound).values())
        size = collections.Counter(map(len, packets)).most_common(1)[0][0]
        require(share < 0.05 and entropy > 7.9 and size > 172, f"{name}, {way} the telephone: {size} bytes, {hertz} Hz holds {share:.3f}, {entropy:.2f} bits a byte")
        require(len({p[12:44] for p in packets}) == len(packets), f"{name}, {way} the telephone: packets repeat their bytes")
        return size - 172, share

    def linphones(self):
        """linphone calls and is called, with each of its codecs, by and from baresip with another."""
        calls = []
        for number, (mine, other) in enumerate((("opus", "PCMU"), ("PCMU", "opus"), ("G722", "PCMA"), ("PCMA", "G722"))):
            hertz = (900 + 40 * number, 500 + 40 * number)
            domain = "pbx.example" if number % 2 else "127.0.0.1"
            calls.append((self.linphone(f"linphone-{mine}", mine, hertz[0], domain=domain), self.baresip(f"peer-{other}-{mine}", other, hertz[1]), hertz, f"{mine}/{other}"))
        told = collections.defaultdict(list)
        for way in ("linphone called", "linphone was called"):
            for linphone, peer, _, _ in calls:
                linphone.forget()
                linphone.dial(f"sip:{peer.user}@{linphone.domain}") if way == "linphone called" else peer.dial(linphone.user)
            for linphone, peer, _, _ in calls:
                linphone.wait_for("Media streams established", 20)
                peer.wait_for("CALL_ESTABLISHED", 20)
            self.talking(len(calls), 4)
            for linphone, peer, _, _ in calls:
                peer.tell("hangup")
            for linphone, peer, (mine, theirs), names in calls:
                peer.wait_for("CALL_CLOSED", 5)
                linphone.wait_for("ended", 10)
                told[way].append(f"{names} {linphone.hears(theirs)} Hz")
            self.no_call()
        for linphone, peer, (mine, _), names in calls:
            linphone.end()
            peer.end()
            told["the other side heard"].append(f"{peer.hears(mine)}")
        self.step("linphone", "; ".join(f"{way}: {', '.join(list_)}" for way, list_ in told.items()))

    # --- SIPp

    def played_capture(self):
        """SIPp plays a capture of G.711 into a call to an Opus telephone; what comes back is in tshark's capture."""
        callee = self.baresip("callee-of-sipp", "opus", 480)
        user, media, port = self.user(), free_port(), free_port()
        played = self.directory / "tone.pcap"
        played.write_bytes(g711_pcap(1_040, 5))
        scenario = self.directory / "uac_pcap.xml"
        text = (SIPP / "uac.xml").read_text()
        require("<pause/>" in text, "uac.xml has no pause any more")
        scenario.write_text(text.replace("<pause/>", f'<nop><action><exec play_pcap_audio="{played}"/></action></nop>\n  <pause milliseconds="5000"/>'))
        table = self.directory / "uac_pcap.csv"
        table.write_text(f"SEQUENTIAL\n{user};pbx.example;[authentication username={user} password={SECRET.format(user)}];{callee.user}\n")
        self.listen()
        run(["sipp", self.listeners["sip-udp"], "-sf", scenario, "-inf", table, "-m", 1, "-i", "127.0.0.1", "-p", port, "-mp", media, "-nostdin", "-timeout", "30s",
             "-timeout_error", "-recv_timeout", 10_000], timeout=60)
        self.capture.finish()
        callee.end()
        streams = self.capture.streams()
        sent, back = self.packets(streams, range(media, media + 1), "from"), self.packets(streams, range(media, media + 1), "to")
        require(len(sent) > 150 and len(back) > 150, f"{len(sent)} packets from SIPp, {len(back)} to it")
        hertz, share = loudest(from_ulaw(b"".join(p[12:172] for p in back)[8_000:16_000]), 8_000)
        require(abs(hertz - 480) <= 20 and share > 0.5, f"to SIPp {hertz} Hz holds {share:.2f} of the energy")
        self.step("SIPp plays a capture", f"{len(sent)} packets of G.711 became Opus: the callee heard {callee.hears(1_040)} Hz; back came {len(back)} packets with {hertz} Hz")

    def story(self):
        self.play((self.pairs, self.protections, self.linphones, self.played_capture, self.stop))


def g711_pcap(hertz, seconds):
    """A capture file of one RTP stream of PCMU, as tcpdump would have written it: a tone in packets of 20 ms."""
    source, records = random.Random(hertz), []
    ssrc, sequence, timestamp = source.getrandbits(32), source.getrandbits(15), source.getrandbits(31)
    for index in range(seconds * 50):
        body = bytes(to_ulaw(int(9_000 * math.sin(2 * math.pi * hertz * (index * 160 + n) / 8_000))) for n in range(160))
        rtp = struct.pack(">BBHII", 0x80, 0x80 if index == 0 else 0, sequence + index & 0xFFFF, timestamp + 160 * index & 0xFFFFFFFF, ssrc) + body
        udp = struct.pack(">HHHH", 40_000, 40_002, 8 + len(rtp), 0) + rtp
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), index, 0, 64, 17, 0, bytes((127, 0, 0, 1)), bytes((127, 0, 0, 1))) + udp
        frame = bytes(12) + b"\x08\x00" + ip
        microseconds = index * 20_000
        records.append(struct.pack("<IIII", microseconds // 1_000_000, microseconds % 1_000_000, len(frame), len(frame)) + frame)
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1) + b"".join(records)


def to_ulaw(sample):
    magnitude, sign = min(abs(sample), 32_635) + 132, 0x80 if sample < 0 else 0
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 15) & 0xFF


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="directory with the built programs")
    parser.add_argument("--keep", help="keep data, logs and captures in this directory")
    parser.add_argument("--only", help="chapters, separated by commas: pairs, protections, linphones, played_capture")
    options = parser.parse_args()
    end_on_signals()
    codecs = Codecs(options)
    if options.only:
        codecs.story = lambda: codecs.play([getattr(codecs, name) for name in options.only.split(",")])
    try:
        codecs.story()
        print(f"codecs: {codecs.count} steps verified in {time.monotonic() - codecs.started:.1f} s", flush=True)
        return 0
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        return fail(error)
    finally:
        if codecs.capture:
            codecs.capture.end()
        codecs.end()


if __name__ == "__main__":
    sys.exit(main())
