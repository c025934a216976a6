#!/usr/bin/env python3
"""Calls over TLS and with SRTP between baresip telephones, which we did not write, beside openssl and tshark.

  secure.py --bin .build/debug [--keep DIR]

The network between is recorded: the protected leg must hold nothing that sounds, the plain one the tones. All traffic is on
loopback; every process is ended by its pid. Every step is played; exit status 0 only if all hold."""
import collections
import json
import math
import pathlib
import subprocess
import sys

from baresip import Baresip, from_ulaw, loudest
from capture import Capture
from harness import Failed, Story, end_on_signals, played, require, run, story_parser, until

SECRET = "{}-keeps-a-long-secret"
CONFIG = """appliance: {{ edition: flex }}
sip:
  listen:
    - {{ transport: udp, address: 127.0.0.1, port: 0 }}
    - {{ transport: tls, address: 127.0.0.1, port: 0 }}
media: {{ address: 127.0.0.1, ports: 16384-17383 }}
users:
"""
SECURE_PORTS, PLAIN_PORTS = range(23_000, 23_100), range(24_000, 24_100)


class Secure(Story):
    USERS = range(100, 110)

    def __init__(self, options):
        super().__init__(keep=options.keep)
        self.bin, self.data = pathlib.Path(options.bin).resolve(), self.directory / "data"

    def ctl(self, *arguments):
        return json.loads(run([self.bin / "pbxctl", *arguments, "--data", self.data, "--json"]))

    def phone(self, name, user, transport, **options):
        server = self.listeners["sips" if transport == "tls" else "sip-udp"]
        more = options.pop("more", "") + (f"\nsip_cafile {self.root}" if transport == "tls" else "")
        registered = self.ctl("status")["registrations"]
        phone = Baresip(self, name, user, SECRET.format(user), server, transport=transport, more=more, **options)
        until(f"{name}'s registration", lambda: self.ctl("status")["registrations"] > registered, 15, 0.05)
        return phone

    def call(self, caller, number, seconds=0.0):
        """The call as `pbxctl calls` shows it, once it is established and so old."""
        caller.dial(number)
        caller.wait_for("CALL_ESTABLISHED")
        return until("the established call", lambda: next((c for c in self.ctl("calls") if c["state"] == "talking" and c["seconds"] >= seconds), None), 15, 0.05)

    def talk(self, caller, callee, number, ender):
        """A call of some seconds that `ender` ends; as `pbxctl calls` showed it."""
        shown = self.call(caller, number, 4)
        ender.tell("hangup")
        (callee if ender is caller else caller).wait_for("CALL_CLOSED", 5)
        self.no_call()
        return shown

    def no_call(self):
        until("the end of the call", lambda: not self.ctl("calls"), 5, 0.05)

    # --- one method per chapter

    def appliance(self):
        config = self.directory / "appliance.yaml"
        users = "".join(f'  - {{ extension: "{u}", name: "User {u}", password: "{SECRET.format(u)}" }}\n' for u in self.USERS)
        config.write_text(CONFIG.format() + users)
        self.pbxd = self.start("pbxd", [self.bin / "pbxd", "run", "--config", config, "--data", self.data])
        self.listeners = self.pbxd.wait_for("ready", 30)["listeners"]
        self.root = self.data / "development" / "vendor-root.pem"
        self.step("appliance", f"SIP at {self.listeners['sip-udp']} (UDP), {self.listeners['sips']} (TLS)")

    def certificate(self):
        """baresip of Debian does not check whom it talks to; openssl does."""
        other = self.directory / "other.pem"
        run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.directory / "other.key", "-out", other, "-subj", "/CN=other", "-days", "2"])
        client = ["openssl", "s_client", "-connect", self.listeners["sips"], "-verify_return_error"]
        good = run([*client, "-CAfile", self.root, "-verify_ip", "127.0.0.1"], stdin="", check=False, timeout=20)
        require(good.returncode == 0 and "Verify return code: 0" in good.stdout, f"verified: {good.stdout[-600:]}{good.stderr[-600:]}")
        for what, more in (("another root", ["-CAfile", other]), ("another address", ["-CAfile", self.root, "-verify_ip", "192.0.2.1"]),
                           ("TLS 1.1", ["-CAfile", self.root, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])):
            bad = run([*client, *more], stdin="", check=False, timeout=20)
            require(bad.returncode != 0, f"openssl took the certificate with {what}: {bad.stdout[-600:]}")
        self.step("certificate", "openssl verifies chain and address of the SIP listener; not with another root, another address, or TLS 1.1")

    def tls_calls(self):
        ada, bob = self.phone("ada-tls", "100", "tls", answers=False), self.phone("bob-tls", "101", "tls")
        for who, other in ((ada, bob), (bob, ada)):
            self.call(ada, "101")
            # Without SRTP it refuses the first offer, which over TLS is protected, and is offered plain RTP.
            bob.wait_for("CALL_ESTABLISHED", passing_over="No audio codecs")
            who.tell("hangup")
            other.wait_for("CALL_CLOSED", 5)
            who.wait_for("CALL_CLOSED", 5)
            self.no_call()
        for phone in (ada, bob):
            phone.end()
        self.step("TLS", "both registered, two calls over TLS on both sides, BYE from the caller and from the callee each reached the other")

    def mixed_call(self):
        """The caller insists on SRTP over TLS; the callee is on UDP and finds its address by STUN from the appliance's SIP port."""
        ada = self.phone("ada-srtp", "102", "tls", hertz=1000, answers=False, parameters=";mediaenc=srtp-mand", more="rtp_ports 23000-23099")
        # A comma would end the parameter, so no credentials; the port is that of the appliance's own SIP listener.
        stun = f';medianat=stun;stunserver="stun:{self.listeners["sip-udp"]}"'
        bob = self.phone("bob-plain", "103", "udp", hertz=440, parameters=stun, more="rtp_ports 24000-24099")
        self.capture = Capture(self.directory)
        shown = self.talk(ada, bob, "103", ada)
        self.capture.finish()
        for phone in (ada, bob):
            phone.end()
        self.step("SRTP", f"TLS with SRTP to UDP without: {shown['codecs']}; the protected side heard {ada.hears(440)} Hz, the plain side {bob.hears(1000)} Hz")
        self.inspect(self.capture.streams())

    def inspect(self, streams):
        """RTP by the telephones' ports: what each direction of each leg sounds like to a listener on the network."""
        legs = {("secure", "from"): SECURE_PORTS, ("secure", "to"): SECURE_PORTS, ("plain", "from"): PLAIN_PORTS, ("plain", "to"): PLAIN_PORTS}
        tones, told = {("plain", "from"): 440, ("plain", "to"): 1000}, []
        for (leg, way), ports in legs.items():
            packets = [p for (source, destination), list_ in streams.items() if (source if way == "from" else destination) in ports
                       for p in list_ if len(p) >= 172 and p[0] >> 6 == 2 and p[1] & 0x7F == 0]
            require(len(packets) > 100, f"{leg} leg, {way} the telephone: {len(packets)} packets of PCMU in {[(k, len(v)) for k, v in streams.items()]}")
            sound = b"".join(p[12:172] for p in packets)
            hertz, share = loudest(from_ulaw(sound[8_000:16_000]), 8_000)
            entropy = -sum(n / len(sound) * math.log2(n / len(sound)) for n in collections.Counter(sound).values())
            size = collections.Counter(map(len, packets)).most_common(1)[0][0]
            text = f"{leg} leg, {way} the telephone: {len(packets)} packets of {size} bytes, {hertz} Hz holds {share:.3f} of the energy, {entropy:.2f} bits a byte"
            if leg == "plain":
                require(abs(hertz - tones[leg, way]) <= 20 and share > 0.5 and size == 172, text)
            else:
                require(share < 0.05 and entropy > 7.9 and size > 172, text)
            told.append(f"{leg}/{way} {share:.3f}")
        stun = [p for (source, _), list_ in streams.items() if source == int(self.listeners["sip-udp"].rsplit(":", 1)[1]) for p in list_ if p[:2] == b"\x01\x01"]
        require(stun, "baresip's STUN requests to the SIP port were not answered")
        self.step("capture", f"share of the strongest tone: {', '.join(told)}; {len(stun)} STUN answers from the SIP port")

    def srtp_in_the_clear(self):
        ada, bob = self.phone("ada-clear", "104", "udp", answers=False, parameters=";mediaenc=srtp-mand"), self.phone("bob-clear", "105", "udp")
        ada.dial("105")
        closed = ada.wait_for("CALL_CLOSED")
        require("488" in closed.get("param", ""), f"the call ended with {closed}")
        require(not any(e.get("type") == "CALL_INCOMING" for e in bob.seen), "the callee rang")
        for phone in (ada, bob):
            phone.end()
        self.step("no keys in the clear", f"a caller over UDP that insists on SRTP gets {closed['param']}")

    def called_with_srtp(self):
        ada = self.phone("ada-udp", "106", "udp", hertz=1000, answers=False)
        bob = self.phone("bob-srtp", "107", "tls", hertz=440, parameters=";mediaenc=srtp-mand")
        self.talk(ada, bob, "107", bob)
        for phone in (ada, bob):
            phone.end()
        self.step("SRTP to the callee", f"UDP without to TLS with: the plain side heard {ada.hears(440)} Hz, the protected side {bob.hears(1000)} Hz")

    def dtls_call(self):
        ada = self.phone("ada-dtls", "108", "udp", hertz=1000, answers=False, parameters=";mediaenc=dtls_srtp", more="rtcp_mux yes")
        bob = self.phone("bob-dtls", "109", "udp", hertz=440)
        self.talk(ada, bob, "109", ada)
        for phone in (ada, bob):
            phone.end()
        self.step("DTLS-SRTP", f"keys by DTLS to plain RTP: the protected side heard {ada.hears(440)} Hz, the plain side {bob.hears(1000)} Hz")

    def stop(self):
        require(self.pbxd.terminate() == 0, f"pbxd did not end in peace\n{self.pbxd.tail()}")
        self.step("stop", "status 0 on SIGTERM")

    def story(self):
        self.play((self.certificate, self.tls_calls, self.mixed_call, self.srtp_in_the_clear, self.called_with_srtp, self.dtls_call, self.stop))

    def play(self, chapters):
        """The appliance must start; of the chapters each is played, so that all that fails is told."""
        self.appliance()
        failed = []
        for chapter in chapters:
            try:
                chapter()
            except (Failed, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
                failed.append(chapter.__name__)
                print(f"  FAIL {chapter.__name__}: {error}", flush=True)
                for program in self.programs:
                    if program is not self.pbxd:
                        program.terminate(10)
        require(not failed, f"{len(failed)} chapters: {', '.join(failed)}")


def main():
    options = story_parser(__doc__).parse_args()
    end_on_signals()
    return played("secure", Secure(options))


if __name__ == "__main__":
    sys.exit(main())
