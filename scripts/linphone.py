"""linphone (`linphonec`) as a telephone of a story: its sound card is a pair of WAV files, its commands are lines. And how to find a tone in what it heard."""
import math
import os
import queue
import struct
import subprocess
import threading
import time
import wave

from baresip import loudest
from harness import Failed, free_port, require

CODECS = (("opus", 48000), ("G722", 8000), ("PCMU", 8000), ("PCMA", 8000), ("speex", 8000), ("speex", 16000), ("speex", 32000), ("G729", 8000), ("GSM", 8000))
CONFIG = """[sip]
auto_net_state_mon=0
register_only_when_network_is_up=0
use_ipv6=0
guess_hostname=0
default_proxy=0
contact=sip:{user}@{domain}
sip_port={udp}
sip_tcp_port=0
sip_tls_port={tls}
media_encryption={encryption}
media_encryption_mandatory={mandatory}
srtp_crypto_suites={suites}
verify_server_certs=0
verify_server_cn=0
save_media_encryption_mandatory=1
[rtp]
audio_rtp_port={ports}
[net]
stun_server=
[sound]
echocancellation=0
echolimiter=0
agc=0
[video]
enabled=0
capture=0
display=0
[auth_info_0]
username={user}
userid={user}
passwd={secret}
realm=*
[proxy_0]
reg_proxy=<sip:{server};transport={transport}>
reg_route=<sip:{server};transport={transport};lr>
reg_identity=sip:{user}@{domain}
reg_expires=300
reg_sendregister=1
publish=0
[misc]
uuid=
"""


class Linphone:
    """One account that plays a tone and records what it hears, with one codec. In calls its Contact is its GRUU, the name that the domain gave it."""

    def __init__(self, story, name, user, secret, server, ports, transport="udp", codec="opus", hertz=1000, encryption="none", suites="", domain="127.0.0.1"):
        self.name, self.home, self.domain, self.lines, self.seen = name, story.directory / name, domain, queue.Queue(), []
        self.heard = self.home / "heard.wav"
        for folder in (".local/share/linphone", ".config"):
            (self.home / folder).mkdir(parents=True)
        codecs = "".join(f"[audio_codec_{n}]\nmime={mime}\nrate={rate}\nenabled={int(mime == codec)}\n" for n, (mime, rate) in enumerate(CODECS))
        (self.home / "linphonerc").write_text(CONFIG.format(
            user=user, secret=secret, domain=domain, server=server, transport=transport, udp=free_port() if transport == "udp" else 0, tls=-1 if transport == "tls" else 0, ports=ports,
            encryption=encryption, mandatory=int(encryption != "none"), suites=suites) + codecs)
        write_tone(self.home / "tone.wav", hertz)
        self.log_path = self.home / "linphone.log"
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(["linphonec", "-a", "-c", str(self.home / "linphonerc"), "-d", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
                                        text=True, errors="replace", bufsize=1, start_new_session=True, env={**os.environ, "HOME": str(self.home)})
        story.programs.append(self)
        threading.Thread(target=self._read, daemon=True).start()
        self.tell("soundcard use files")
        self.tell(f"play {self.home}/tone.wav")
        self.tell(f"record {self.heard}")

    def _read(self):
        for line in self.process.stdout:
            if line.strip() != "linphonec>":
                self.seen.append(line.rstrip())
                self.lines.put(line)

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def dial(self, number):
        self.tell(f"call {number}")

    def wait_for(self, text, seconds=15):
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=0.3)
            except queue.Empty:
                if time.monotonic() > deadline:
                    raise Failed(f"{self.name} did not say '{text}' within {seconds} s\n{self.tail()}") from None
                self.tell("")  # what it has to say waits for its next prompt
                continue
            if text in line:
                return line
            require("error." not in line, f"{self.name} was to say '{text}', but: {line}")

    def hears(self, expected):
        """The tone stands out in most tenths of a second of the recording; linphone fits what it gets to its own clock, so not as one long tone."""
        return hears(self.heard, expected, self.name)

    def forget(self):
        """A recording for the next call."""
        self.heard = self.home / f"heard-{len(list(self.home.glob('heard*.wav')))}.wav"
        self.tell(f"play {self.home}/tone.wav")
        self.tell(f"record {self.heard}")

    def end(self):
        try:
            self.tell("quit")
            self.process.wait(5)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            pass
        self.terminate(5)

    def poll(self):
        return self.process.poll()

    def terminate(self, timeout=10):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        return self.process.returncode

    def tail(self, lines=25):
        return "\n".join([f"--- {self.name}", *self.seen[-lines:], *self.log_path.read_text(errors="replace").splitlines()[-lines:]])


def write_tone(path, hertz, seconds=30, rate=16_000):
    period = [int(9_000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(rate)]
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(struct.pack(f"<{rate}h", *period) * seconds)


def hears(path, expected, name):
    with wave.open(str(path)) as sound:
        rate, channels, frames = sound.getframerate(), sound.getnchannels(), sound.readframes(sound.getnframes())
    samples = [s[0] for s in struct.iter_unpack("<" + "h" * channels, frames)]
    step = max(1, rate // 8_000)  # no tone here is above 4 kHz
    window, middle = rate // 10, samples[len(samples) // 4:][:3 * rate]
    require(len(middle) >= rate, f"{path} holds only {len(samples)} samples at {rate} Hz")
    found = [loudest(middle[n:n + window:step], rate // step) for n in range(0, len(middle) - window, 2 * window)]
    good = [hertz for hertz, share in found if abs(hertz - expected) <= 20 and share > 0.5]
    require(len(good) >= 0.6 * len(found), f"{name} heard {[(h, round(s, 2)) for h, s in found]}, expected {expected} Hz")
    return expected
