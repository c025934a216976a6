"""A board in the emulator: QEMU's virt machine with a Cortex-A53 and 512 MiB, its disk, its serial line, and its administration.

Only QEMU's user network is used, with forwards that listen on the host's loopback. Nothing here is timed tightly: without
hardware virtualisation the guest is twenty times slower than a board."""
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import Failed, free_port, require, run, until  # noqa: E402

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
PATIENCE = float(os.environ.get("QEMU_PATIENCE", 300))
# The guest's media ports, forwarded one to one: telephones on the host are told 127.0.0.1 and one of these.
MEDIA = (17320, 17383)
HOST = "10.0.2.2"  # the host's loopback as the guest sees it
NAMES = ["relay", "backup", "monitoring", "control-center", "update", "license", "time"]


class Board:
    def __init__(self, image, directory, pbxctl=None):
        self.image, self.directory = pathlib.Path(image), pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.disk = self.directory / "disk.img"
        self.layout = json.loads((self.image / "layout.json").read_text())
        self.pbxctl = pbxctl or [str(TREE / "hw/build/run-arm64.sh"), "pbxctl"]
        self.process, self.token, self.boots, self.serial_log = None, None, 0, self.directory / "serial.log"
        self.serial_log.write_bytes(b"")

    # --- the disk

    def flash(self, factory=None):
        """A fresh disk from the image, as flash.py writes a card."""
        self.disk.unlink(missing_ok=True)
        command = [sys.executable, TREE / "hw/build/flash.py", self.image, self.disk, "--yes"]
        run(command + (["--factory", factory] if factory else []), timeout=600)

    def make_factory(self, serial, model, pki, tpm_key=None):
        """(image of the factory partition, label code); `tpm_key`: files of a key that the board's TPM has made and of its public half."""
        target = self.directory / "factory.img"
        command = self.pbxctl if isinstance(self.pbxctl, str) else " ".join(map(str, self.pbxctl))
        # The program is the cross-built one; where it lies is known from the image, unless WORK says it.
        work = {"WORK": os.environ.get("WORK") or str(self.image.resolve().parent.parent)}
        shown = run([TREE / "hw/build/factory.sh", target, serial, model, pki, command, *(tpm_key or ())], timeout=600, environment=work)
        return target, re.search(r"Label code: (\S+)", shown).group(1)

    def configure(self, files):
        """The configuration partition with these files in it: name -> text."""
        with tempfile.TemporaryDirectory() as d:
            content = pathlib.Path(d) / "content"
            content.mkdir()
            for name, text in files.items():
                (content / name).write_text(text)
            for path in [content, *content.iterdir()]:
                os.chown(path, 900, 900)
                path.chmod(0o700 if path.is_dir() else 0o600)
            image = pathlib.Path(d) / "image"
            offset, size = self.layout["configuration"]
            with open(image, "wb") as stream:
                stream.truncate(size)
            run(["mkfs.ext4", "-q", "-F", "-d", content, image])
            self.write("configuration", image.read_bytes())

    def write(self, partition, data):
        offset, size = self.layout[partition]
        require(len(data) <= size, f"{len(data)} bytes do not fit into {partition}")
        with open(self.disk, "r+b") as stream:
            stream.seek(offset)
            stream.write(data)

    def read(self, partition, count=None):
        offset, size = self.layout[partition]
        with open(self.disk, "rb") as stream:
            stream.seek(offset)
            return stream.read(count or size)

    def counters(self):
        """The boot loader's variables; an empty dictionary when the sector is damaged."""
        sector = self.read("env", 512)
        if struct.unpack("<I", sector[:4])[0] != zlib.crc32(sector[4:]):
            return {}
        return dict(v.split("=", 1) for v in sector[4:].split(b"\0\0")[0].decode("ascii", "replace").split("\0") if "=" in v)

    # --- power

    def ports(self):
        if not hasattr(self, "port"):
            self.port = {name: free_port() for name in ("sip", "sips", "https")}
        return self.port

    def start(self, memory=512, extra=()):
        """Switches it on."""
        port = self.ports()
        forwards = [f"hostfwd=tcp:127.0.0.1:{port['https']}-:8443", f"hostfwd=udp:127.0.0.1:{port['sip']}-:5060", f"hostfwd=tcp:127.0.0.1:{port['sip']}-:5060",
                    f"hostfwd=tcp:127.0.0.1:{port['sips']}-:5061"] + [f"hostfwd=udp:127.0.0.1:{p}-:{p}" for p in range(MEDIA[0], MEDIA[1] + 1)]
        self.boots += 1
        self.mark = self.serial_log.stat().st_size
        command = ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a53", "-smp", "2", "-m", str(memory), "-nographic", "-nodefaults", "-no-user-config",
                   "-bios", self.image / "u-boot.bin", "-chardev", f"file,id=s,path={self.serial_log},append=on", "-serial", "chardev:s", "-monitor", "none",
                   "-drive", f"file={self.disk},format=raw,if=none,id=d,cache=writethrough", "-device", "virtio-blk-pci,drive=d", "-device", "virtio-rng-pci",
                   "-device", "i6300esb", "-device", "virtio-keyboard-pci", "-qmp", f"unix:{self.directory / 'qmp'},server=on,wait=off", "-action", "watchdog=reset", "-netdev", "user,id=n," + ",".join(forwards), "-device", "virtio-net-pci,netdev=n,romfile=", *extra]
        self.started = time.monotonic()
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(self.directory / "qemu.log", "ab"), start_new_session=True)

    def press(self, key, seconds):
        """Holds a key of the emulator's keyboard, which is the board's button."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.directory / "qmp"))
            stream = s.makefile("rw")
            for command in ({"execute": "qmp_capabilities"},
                            {"execute": "send-key", "arguments": {"keys": [{"type": "qcode", "data": key}], "hold-time": int(seconds * 1000)}}):
                stream.write(json.dumps(command) + "\n")
                stream.flush()
                while "return" not in (answer := json.loads(stream.readline())):
                    require("error" not in answer, f"the emulator: {answer}")

    def pull(self):
        """Power is gone, now."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        self.process = None

    def log(self, whole=False):
        with open(self.serial_log, "rb") as stream:
            stream.seek(0 if whole else self.mark)
            return stream.read().decode("utf-8", "replace").replace("\r", "")

    def wait_log(self, pattern, timeout=None, count=1, since=0):
        """The `count`-th match of a pattern on the serial line since this start."""
        def probe():
            require(self.process is None or self.process.poll() is None, f"QEMU ended by itself\n{self.tail()}")
            found = list(re.finditer(pattern, self.log()[since:]))
            return found[count - 1] if len(found) >= count else None
        try:
            return until(f"'{pattern}' on the serial line", probe, timeout or PATIENCE, 0.2)
        except Failed as error:
            raise Failed(f"{error}\n{self.tail()}") from None

    def tail(self, lines=30):
        return "--- serial line\n" + "\n".join(self.log(whole=True).splitlines()[-lines:])

    # --- administration

    def call(self, method, path, body=None, timeout=60, raw=None):
        """(status, JSON or bytes) of a request over HTTPS; the certificate is checked by whoever has the root."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"https://127.0.0.1:{self.ports()['https']}{path}", data=data, method=method, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        try:
            with opener.open(request, timeout=timeout) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        try:
            return status, json.loads(content)
        except ValueError:
            return status, content

    def answers(self):
        try:
            return self.call("GET", "/health", timeout=20)[0] == 200
        except (OSError, ssl.SSLError):
            return False

    def wait_ready(self, timeout=None):
        """Until HTTPS answers; seconds since power came."""
        def probe():
            require(self.process.poll() is None, f"QEMU ended by itself\n{self.tail()}")
            return self.answers()
        try:
            until("the board's HTTPS", probe, timeout or PATIENCE, 0.5)
        except Failed as error:
            raise Failed(f"{error}\n{self.tail(60)}") from None
        return time.monotonic() - self.started

    def sip_answer(self, timeout=None):
        """Seconds since power came until an OPTIONS over UDP is answered; asks every 50 ms. `kernel_started`: when the kernel began."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            s.settimeout(0.05)
            port, deadline, n = s.getsockname()[1], time.monotonic() + (timeout or PATIENCE), 0
            self.kernel_started = None
            while time.monotonic() < deadline:
                n += 1
                if self.kernel_started is None and "Starting kernel" in self.log():  # U-Boot's last line
                    self.kernel_started = time.monotonic() - self.started
                s.sendto((f"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK-{os.getpid()}-{n};rport\r\nMax-Forwards: 70\r\n"
                          f"From: <sip:probe@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: probe-{port}-{n}@127.0.0.1\r\nCSeq: {n} OPTIONS\r\nContent-Length: 0\r\n\r\n").encode(),
                         ("127.0.0.1", self.ports()["sip"]))
                try:
                    if s.recv(4096).startswith(b"SIP/2.0 200"):
                        return time.monotonic() - self.started
                except (TimeoutError, ConnectionRefusedError):
                    pass
                if self.process and self.process.poll() is not None:
                    raise Failed(f"QEMU ended by itself\n{self.tail()}")
            raise Failed(f"no answer to OPTIONS\n{self.tail(60)}")

    def claim(self, code, password):
        status, answer = self.call("POST", "/v1/owner", {"code": code, "password": password}, timeout=120)
        require(status == 201, f"claiming the board: {status} {answer}")

    def sign_in(self, password):
        status, answer = self.call("POST", "/v1/session", {"password": password}, timeout=120)
        require(status == 200, f"signing in: {status} {answer}")
        self.token = answer["token"]

    def install(self, bundle, timeout=None):
        """Hands a bundle in; the installer's last word about it."""
        status, answer = self.call("PUT", "/v1/firmware", raw=pathlib.Path(bundle).read_bytes(), timeout=timeout or PATIENCE)
        require(status == 202, f"handing in {bundle}: {status} {answer}")

        def probe():
            try:
                state = self.call("GET", "/v1/firmware", timeout=30)[1]
            except (OSError, ssl.SSLError):
                return None
            return state if isinstance(state, dict) and state.get("state") in ("refused", "installed") else None
        return until("the installer's answer", probe, timeout or PATIENCE, 1)


def configuration(cloud="", users=(("100", "Ada", "ada-keeps-a-long-secret"), ("101", "Bob", "bob-keeps-a-long-secret")), more=""):
    """What the guest starts with."""
    lines = "".join(f'\n  - {{ extension: "{e}", name: {n}, password: "{p}" }}' for e, n, p in users)
    return f"""appliance: {{ edition: next }}
sip:
  listen:
    - {{ transport: udp, address: 0.0.0.0, port: 5060 }}
    - {{ transport: tcp, address: 0.0.0.0, port: 5060 }}
    - {{ transport: tls, address: 0.0.0.0, port: 5061 }}
media: {{ address: 0.0.0.0, ports: {MEDIA[0]}-{MEDIA[1]}, advertised: 127.0.0.1 }}
https: {{ listen: {{ address: 0.0.0.0, port: 8443 }} }}
features: {{ echo: "600" }}
users:{lines}{more}
{cloud}"""


HOSTS = "".join(f"{HOST} {name}.vendor.example\n" for name in NAMES)
