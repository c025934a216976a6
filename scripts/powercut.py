#!/usr/bin/env python3
"""The power goes at every write and every fsync of a real appliance, on its real files.

An appliance pairs, backs up, changes its backup password, restores and unpairs while strace records everything that it does to
its data directory. From that record the directory is made again as a power cut would leave it: after each write and each fsync
twice, once with all that was written (the system happened to have flushed it), once with only what had been synced. On each of
these directories the appliance is started. What must hold every time: it boots and says what it serves; the users are those of a
configuration that once was in force; there is at most one pairing user, and the one that was handed over; what was deleted and
acknowledged is in no byte of any file once it has started.

Prints the number of cut points. `--every N` looks at each Nth only."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import time

from demo import Demo, PASSWORD, SERIAL
from harness import Program, end_on_signals, played, require, run, story_parser

CALLS = "openat,write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat,rmdir,lseek"
LINE = re.compile(r"^(\d+) +(\d+\.\d+) (?:<\.\.\. )?(\w+)(.*)$")


def unescape(text):
    return bytes.fromhex(text.replace("\\x", ""))


class Record:
    """What strace saw, as operations on files below one directory, in order: (time, kind, path, details)."""

    def __init__(self, trace, directory):
        self.directory, self.operations, self.positions = str(directory), [], {}
        pending = {}
        for line in open(trace, errors="replace"):
            match = LINE.match(line)
            if not match:
                continue
            thread, at, call, rest = match.groups()
            if rest.rstrip().endswith("<unfinished ...>"):
                pending[thread] = rest.rstrip()[:-len("<unfinished ...>")]
                continue
            if rest.startswith(" resumed>"):
                rest = pending.pop(thread, "") + rest[len(" resumed>"):]
            self.take(float(at), call, rest)

    def below(self, hexed):
        path = unescape(hexed).decode("utf-8", "replace")
        path = path[:-len(" (deleted)")] if path.endswith(" (deleted)") else path
        if not path.startswith(self.directory + "/") or path.endswith(("-shm", ".sock")):
            return None
        return path[len(self.directory) + 1:]

    def add(self, at, kind, path, *details):
        if path is not None:
            self.operations.append((at, kind, path, details))

    def take(self, at, call, rest):
        result = re.search(r"\) += (-?\d+)", rest)
        if not result or int(result.group(1)) < 0:
            return
        descriptor = re.match(r"\((\d+)<((?:\\x[0-9a-f]{2})+)>", rest)
        strings = re.findall(r'"((?:\\x[0-9a-f]{2})*)"', rest)
        if call == "openat":
            opened = re.search(r"\) += (\d+)<((?:\\x[0-9a-f]{2})+)>", rest)
            if opened:
                path = self.below(opened.group(2))
                self.positions[opened.group(1)] = 0
                if "O_CREAT" in rest:
                    self.add(at, "create", path)
                if "O_TRUNC" in rest:
                    self.add(at, "truncate", path, 0)
        elif call in ("write", "pwrite64") and descriptor and strings:
            data = unescape(strings[0])[:int(result.group(1))]
            if call == "pwrite64":
                offset = int(re.search(r", (\d+)\s*\) += ", rest).group(1))
            else:
                offset = self.positions.get(descriptor.group(1), 0)
                self.positions[descriptor.group(1)] = offset + len(data)
            self.add(at, "write", self.below(descriptor.group(2)), offset, data)
        elif call == "lseek" and descriptor:
            self.positions[descriptor.group(1)] = int(result.group(1))
        elif call in ("fsync", "fdatasync") and descriptor:
            path = unescape(descriptor.group(2)).decode("utf-8", "replace")
            if path == self.directory:
                self.operations.append((at, "sync", "", ()))
            else:
                self.add(at, "sync", self.below(descriptor.group(2)))
        elif call == "ftruncate" and descriptor:
            self.add(at, "truncate", self.below(descriptor.group(2)), int(re.search(r", (\d+)\s*\)", rest).group(1)))
        elif call.startswith("rename") and len(strings) == 2:
            self.add(at, "rename", self.relative(strings[0]), self.relative(strings[1]))
        elif call.startswith("link") and len(strings) == 2:
            self.add(at, "link", self.relative(strings[0]), self.relative(strings[1]))
        elif call.startswith("unlink") and strings:
            self.add(at, "unlink", self.relative(strings[0]))
        elif call.startswith("mkdir") and strings:
            self.add(at, "mkdir", self.relative(strings[0]))
        elif call == "rmdir" and strings:
            self.add(at, "rmdir", self.relative(strings[0]))

    def relative(self, hexed):
        path = unescape(hexed).decode("utf-8", "replace")
        return self.below("".join(f"\\x{b:02x}" for b in os.path.abspath(path).encode()))


class Image:
    """A directory in memory. Files are objects, so that a rename or a second link keeps what is written to them."""

    def __init__(self, base):
        self.names, self.folders = {}, set()
        for path in sorted(pathlib.Path(base).rglob("*")):
            name = str(path.relative_to(base))
            if path.is_dir():
                self.folders.add(name)
            elif path.is_file() and not name.endswith(("-shm", ".sock")):
                self.names[name] = bytearray(path.read_bytes())

    def apply(self, operation, with_data=True):
        _, kind, path, details = operation
        if kind == "create":
            self.names.setdefault(path, bytearray())
        elif kind == "write" and with_data and path in self.names:
            offset, data = details
            file = self.names[path]
            if len(file) < offset:
                file.extend(bytes(offset - len(file)))
            file[offset:offset + len(data)] = data
        elif kind == "truncate" and with_data and path in self.names:
            file = self.names[path]
            del file[details[0]:]
            file.extend(bytes(details[0] - len(file)))
        elif kind == "rename" and path in self.names and details[0] is not None:
            self.names[details[0]] = self.names.pop(path)
        elif kind == "link" and path in self.names and details[0] is not None:
            self.names[details[0]] = self.names[path]
        elif kind == "unlink":
            self.names.pop(path, None)
        elif kind == "mkdir":
            self.folders.add(path)
        elif kind == "rmdir":
            self.folders.discard(path)

    def write(self, directory):
        shutil.rmtree(directory, ignore_errors=True)
        os.mkdir(directory, 0o700)
        for folder in sorted(self.folders):
            os.mkdir(os.path.join(directory, folder), 0o700)
        for name, content in self.names.items():
            path = os.path.join(directory, name)
            if not os.path.isdir(os.path.dirname(path)):
                continue
            pathlib.Path(path).write_bytes(content)
            os.chmod(path, 0o600)

    def digest(self):
        state = hashlib.sha256()
        for name in sorted(self.names):
            state.update(name.encode() + b"\0" + hashlib.sha256(self.names[name]).digest())
        return state.hexdigest()


def synced_only(base, operations):
    """What is certain after a cut behind these operations: names as of the last sync of anything (the journal of the file
    system is in order), and of each file the bytes that were there when it was last synced itself."""
    last_sync = max((i for i, o in enumerate(operations) if o[1] == "sync"), default=-1)
    live = Image(base)
    # Files are known by identity: each is kept, so that no other takes its place in memory.
    synced = {id(content): (content, bytes(content)) for content in live.names.values()}
    names, folders = dict(live.names), set(live.folders)
    for index, operation in enumerate(operations):
        live.apply(operation)
        for content in live.names.values():
            synced.setdefault(id(content), (content, b""))
        if operation[1] == "sync" and operation[2] in live.names:
            file = live.names[operation[2]]
            synced[id(file)] = (file, bytes(file))
        if index <= last_sync:
            names, folders = dict(live.names), set(live.folders)
    live.names = {name: bytearray(synced[id(content)][1]) for name, content in names.items()}
    live.folders = folders
    return live


class PowerCuts(Demo):
    every = 1

    def traced(self):
        self.trace = self.directory / "strace"
        status = self.pbx.terminate()
        require(status == 0, f"pbxd ended with {status}")
        self.base = self.directory / "base"
        shutil.copytree(self.data, self.base, ignore=lambda _, names: [n for n in names if n.endswith((".sock", "-shm"))])
        self.pbx = self.start("pbxd-traced", [
            "strace", "-f", "-ttt", "-y", "-xx", "-s", "16777216", "-e", f"trace={CALLS}", "-o", self.trace,
            self.bin / "pbxd", "run", "--config", self.config, "--data", self.data])
        self.pbx.wait_for("ready", timeout=60)

    def live(self):
        """Everything whose interruption matters, with the moments at which the owner heard that something is done."""
        self.pairing()
        self.first_user = self.pairing_user
        self.password_file.write_text(PASSWORD)
        self.ctl("switch", "backup", "on")
        self.ctl("backup", "set-password", "--password-file", self.password_file)
        entry = self.ctl("backup", "now", timeout=120)
        self.write_config(more='\n  - { extension: "102", name: Eve, password: "eve-was-added-later!" }')
        self.ctl("apply", self.config)
        changed = self.directory / "changed-password"
        changed.write_text("an entirely different password")
        former = next((self.directory / "cloud" / "backups" / SERIAL).glob("*.key")).read_bytes()
        self.ctl("backup", "set-password", "--password-file", changed)
        self.deleted = [(time.time(), "former backup key", former)]
        self.write_config()
        self.ctl("restore", entry["id"], "--password-file", self.password_file, json_output=False, timeout=120)
        self.pbx.wait_for("ready", timeout=60)
        self.ctl("switch", "control-center", "off")
        self.deleted.append((time.time(), "pairing user", self.first_user.encode()))
        self.ctl("backup", "delete-password")
        require(self.ctl("status")["pairing"] == "unpaired", "still paired")
        strace = self.pbx.process.pid
        child = int(pathlib.Path(f"/proc/{strace}/task/{strace}/children").read_text().split()[0])
        os.kill(child, signal.SIGTERM)
        require(self.pbx.wait_exit(60) == 0, "the traced appliance failed")
        # From here on nobody answers: an appliance that boots has to do it on its own.
        self.vendor.terminate()
        self.step("lived", "paired, backed up, password changed, restored, unpaired, password deleted, all under strace")

    def cuts(self):
        record = Record(self.trace, self.data)
        operations = record.operations
        points = [i for i, o in enumerate(operations) if o[1] in ("write", "sync")]
        require(len(points) > 100, f"only {len(points)} writes and syncs were seen")
        kinds = {kind: sum(1 for i in points if operations[i][1] == kind) for kind in ("write", "sync")}
        self.step("recorded", f"{len(operations)} operations on the data directory, {kinds['write']} writes and {kinds['sync']} syncs")
        seen, boots = {}, 0
        written = Image(self.base)
        applied = 0
        for count, point in enumerate(points):
            for operation in operations[applied:point + 1]:
                written.apply(operation)
            applied = point + 1
            if count % self.every:
                continue
            for name, image in (("written", written), ("synced", synced_only(self.base, operations[:point + 1]))):
                digest = image.digest()
                gone = tuple((name, needle) for at, name, needle in self.deleted if operations[point][0] > at)
                if (digest, gone) in seen:
                    continue
                seen[digest, gone] = True
                image.write(self.directory / "cut")
                self.check(f"cut {count} ({operations[point][1]} of {operations[point][2]}, {name})", gone)
                boots += 1
        chosen = len(points[::self.every])
        self.step("power cuts", f"{chosen} cut points, {boots} different directories, each of them booted: 0 violations")

    def check(self, where, gone):
        data = self.directory / "cut"
        pbx = Program("pbxd-cut", [self.bin / "pbxd", "run", "--config", self.config, "--data", data], self.directory / "pbxd-cut.log")
        try:
            pbx.wait_for("ready", timeout=60)
            status = json.loads(run([self.bin / "pbxctl", "status", "--data", data, "--json"]))
            require(status["users"] in (2, 3), f"{where}: {status['users']} users are served")
            require(status.get("pairingUser") in (None, self.first_user), f"{where}: pairing user {status.get('pairingUser')}")
            is_back = status.get("pairingUser") in {needle.decode() for name, needle in gone if name == "pairing user"}
            require(not is_back, f"{where}: a deleted pairing user is back")
        finally:
            ended = pbx.terminate()
        require(ended == 0, f"{where}: pbxd ended with {ended}\n{pbx.tail()}")
        for name, needle in gone:
            left = [str(p) for p in data.rglob("*") if p.is_file() and needle in p.read_bytes()]
            require(not left, f"{where}: the deleted {name} is in {left}")

    def story(self):
        for chapter in (self.factory, self.cloud, self.appliance, self.traced, self.live, self.cuts):
            chapter()


def main():
    parser = story_parser(__doc__)
    parser.add_argument("--every", type=int, default=1, help="look at each Nth cut point only")
    options = parser.parse_args()
    end_on_signals()
    require(shutil.which("strace"), "strace is missing: apt-get install strace")
    story = PowerCuts(options.bin, keep=options.keep)
    story.every = max(1, options.every)
    return played("power cuts", story)


if __name__ == "__main__":
    sys.exit(main())
