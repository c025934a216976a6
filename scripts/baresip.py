"""baresip as a telephone of a story: started, told what to do through its control port, and listened to. And what a recording holds."""
import json
import math
import pathlib
import queue
import socket
import struct
import threading
import time
import wave

from harness import Failed, free_port, require, until

MODULES = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules", "/usr/lib/aarch64-linux-gnu/baresip/modules")
CONFIG = """sip_listen 127.0.0.1:{port}
{more}call_max_calls 1
audio_player aubridge,{name}
audio_source ausine,{hertz}
audio_alert aubridge,{name}-alert
ausrc_srate 48000
ausrc_channels 2
auplay_srate 48000
audio_level no
rtp_timeout 0
net_interface 127.0.0.1
snd_path {home}
ctrl_tcp_listen 127.0.0.1:{control}
module_path {modules}
module g711.so
module g722.so
module opus.so
module ausine.so
module aubridge.so
module sndfile.so
module stun.so
module srtp.so
module dtls_srtp.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""


class Baresip:
    """One account that sends a tone and records what it hears; it ends by itself after 60 s."""

    def __init__(self, story, name, user, secret, server, transport="udp", codec="PCMU/8000/1", hertz=440, answers=True, parameters="", more=""):
        modules = next((m for m in MODULES if pathlib.Path(m).is_dir()), None)
        require(modules, "baresip's modules were not found; make deps-interop installs them")
        self.name, self.home, self.server, control = name, story.directory / name, server, free_port()
        self.home.mkdir()
        (self.home / "config").write_text(CONFIG.format(port=free_port(), name=name, hertz=hertz, home=self.home, control=control, modules=modules,
                                                        more="".join(f"{line}\n" for line in more.splitlines())))
        mode = "auto" if answers else "manual"
        (self.home / "accounts").write_text(f"<sip:{user}@{server};transport={transport}>;auth_user={user};auth_pass={secret};audio_codecs={codec};"
                                            f"answermode={mode};regint=300{parameters}\n")
        (self.home / "contacts").write_text("")
        self.program, self.events, self.seen = story.start(name, ["baresip", "-f", self.home, "-t", "60"]), queue.Queue(), []
        until(f"{name}'s control port", lambda: self._connect(control), 10, 0.05)
        threading.Thread(target=self._listen, daemon=True).start()

    def _connect(self, port):
        require(self.program.process.poll() is None, f"{self.name} ended\n{self.program.tail()}")
        try:
            self.control = socket.create_connection(("127.0.0.1", port), 2)
            self.control.settimeout(None)
            return True
        except OSError:
            return False

    def _listen(self):
        """Netstrings with JSON in them."""
        buffer = b""
        while True:
            try:
                chunk = self.control.recv(65_536)
            except OSError:
                return
            if not chunk:
                return
            buffer += chunk
            while b":" in buffer:
                size, _, rest = buffer.partition(b":")
                if len(rest) <= int(size):
                    break
                event, buffer = json.loads(rest[:int(size)]), rest[int(size) + 1:]
                self.seen.append(event)
                self.events.put(event)

    def tell(self, command, parameters=""):
        text = json.dumps({"command": command, "params": parameters, "token": ""})
        self.control.sendall(f"{len(text)}:{text},".encode())

    def dial(self, number):
        self.tell("dial", f"sip:{number}@{self.server}")

    def wait_for(self, kind, seconds=15, passing_over=None):
        """The next event of that type; the end of the call instead of it fails."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                event = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                seen = [f"{e.get('type')} {e.get('param', '')}".strip() for e in self.seen if e.get("event")]
                raise Failed(f"{self.name} did not report {kind} within {seconds} s, but {seen}\n{self.program.tail()}") from None
            if event.get("type") == kind:
                return event
            if event.get("type") == "CALL_CLOSED" and event.get("param") == passing_over:
                continue
            require(event.get("type") != "CALL_CLOSED", f"{self.name} was to report {kind}, but its call ended: {event.get('param')}")

    def hears(self, expected):
        """The recording of its longest call holds that tone above all; what it is."""
        files = sorted(self.home.glob("dump-*dec*.wav"), key=lambda p: p.stat().st_size)
        require(files, f"{self.name} recorded nothing: {[p.name for p in self.home.iterdir()]}\n{self.program.tail()}")
        hertz, share = dominant_hertz(files[-1])
        require(abs(hertz - expected) <= 20 and share > 0.5, f"{self.name} heard {hertz} Hz ({share:.2f} of the energy), expected {expected}")
        return hertz

    def end(self):
        self.control.close()
        self.program.terminate(10)


def loudest(samples, rate, low=300, high=3400):
    """The strongest frequency (10 Hz steps) of the samples, and its share of their energy."""
    total = sum(s * s for s in samples) or 1
    best = (0.0, 0)
    for hertz in range(low, high, 10):
        coefficient, before, last = 2 * math.cos(2 * math.pi * hertz / rate), 0.0, 0.0
        for s in samples:
            before, last = last, s + coefficient * last - before
        power = before * before + last * last - coefficient * before * last
        best = max(best, (2 * power / len(samples) / total, hertz))
    return best[1], best[0]


def dominant_hertz(path):
    """The strongest frequency in the middle of a WAV file, and its share of the energy there."""
    with wave.open(str(path)) as sound:
        rate, channels, frames = sound.getframerate(), sound.getnchannels(), sound.readframes(sound.getnframes())
    samples = [s[0] for s in struct.iter_unpack("<" + "h" * channels, frames)]
    middle = samples[len(samples) // 3:][:rate]
    require(len(middle) >= rate // 2, f"{path} holds only {len(samples)} samples")
    step = max(1, rate // 8_000)  # the tones of the stories are far below 4 kHz
    return loudest(middle[::step], rate // step)


def from_ulaw(data):
    """G.711 mu-law as linear samples."""
    samples = []
    for byte in data:
        value = ~byte & 0xFF
        magnitude = (((value & 0x0F) << 3) + 0x84 << (value >> 4 & 7)) - 0x84
        samples.append(-magnitude if value & 0x80 else magnitude)
    return samples
