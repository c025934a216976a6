#!/usr/bin/env python3
"""Power is pulled (QEMU killed) at random moments, while settings are written and while an update goes on, and each time the state is
compared with what it must be.

    power_test.py --image V1 --next V2 --keys DIR [--cuts 50] [--seed S]

A cut of settings comes while one change after another is handed in; a cut of an update anywhere between the first byte of the upload
and the confirmation of the new version. After each, with the board still off, what its disk holds is looked at from outside: a slot
with tries left is a whole version, bit by bit; the file systems are sound once their journals are played; the database passes SQLite's
own check and holds the last change that was acknowledged (or the one that was under way), whole. Then it is switched on: it must
confirm a slot, know its owner, and show the same settings."""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import threading
import time

from board import HOSTS, PATIENCE, TREE, Board, configuration

sys.path.insert(0, str(TREE / "scripts"))
from harness import Failed, Story, end_on_signals, played, require, run  # noqa: E402

OWNER = "an owner's long password"
SERIAL, MODEL = "POWER00001", "PBX-QEMU"


def users(number):
    """The users of the `number`-th change: their count and each name say which it is."""
    return [(str(100 + n), f"N{number}", f"keeps-a-long-secret-{number}") for n in range(2 + number % 5)]


class Writer(threading.Thread):
    """Hands one change of the settings in after the other until the board is gone."""

    def __init__(self, board, number):
        super().__init__(daemon=True)
        self.board, self.acknowledged, self.sent, self.ended = board, number, number, threading.Event()

    def run(self):
        while not self.ended.is_set():
            self.sent = self.acknowledged + 1
            try:
                status, answer = self.board.call("PUT", "/v1/settings", raw=configuration(users=users(self.sent)).encode(), timeout=60)
            except (OSError, ssl.SSLError):
                return
            if status != 200:
                if not self.ended.is_set():
                    self.refused = f"{status} {answer}"
                return
            self.acknowledged = self.sent


class Power(Story):
    def __init__(self, options):
        super().__init__(keep=options.keep)
        self.o, self.random = options, random.Random(options.seed)
        self.board = Board(options.image, self.directory / "board")
        self.versions = {}
        for image in (options.image, options.next):
            release = dict(line.split("=", 1) for line in (pathlib.Path(image) / "rootfs/etc/pbx/release").read_text().splitlines())
            self.versions[release["version"]] = [(pathlib.Path(image) / f"{n}.img").read_bytes() for n in ("kernel", "rootfs")]
            self.compatible = release["compatible"]
        self.number, self.outcomes = 0, {}

    # --- the board from outside

    def whole(self, slot):
        """The version that a slot holds, completely; None when it is none."""
        for version, (kernel, root) in self.versions.items():
            if self.board.read(f"kernel{slot}", len(kernel)) == kernel and self.board.read(f"root{slot}", len(root)) == root:
                return version
        return None

    def inspect(self, acknowledged, sent):
        """The disk of a board that has lost its power. Returns (number of the change that it holds, what its slots hold)."""
        counters = self.board.counters()
        slots = {slot: self.whole(slot) for slot in "AB"}
        for slot in "AB":
            require(slots[slot] or (counters and counters.get(f"BOOT_{slot}_LEFT", "3") == "0"), f"half a version in slot {slot}, and counters {counters}")
        first = counters.get("BOOT_ORDER", "A B").split()[0] if counters else "A"
        require(any(slots.values()), "no slot holds a whole version")
        for partition in ("configuration", "data"):
            image = self.directory / f"{partition}.ext4"
            image.write_bytes(self.board.read(partition))
            checked = subprocess.run(["e2fsck", "-f", "-p", image], capture_output=True, text=True)
            require(checked.returncode in (0, 1), f"{partition}: e2fsck says {checked.returncode}: {checked.stdout}{checked.stderr}")
        number = self.database(self.directory / "data.ext4")
        require(acknowledged <= number <= sent, f"change {acknowledged} was acknowledged, {sent} was sent, and the database holds {number}")
        return number, " ".join(f"{s}={slots[s] or 'unfinished'}{'*' if s == first else ''}" for s in "AB")

    def database(self, image):
        found = self.directory / "found"
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir()
        run(["debugfs", "-R", f"rdump /appliance {found}", image], timeout=120)
        home = found / "appliance"
        # Without the file it is the oldest generation, as the appliance has it.
        current = (home / "current").read_text().strip() if (home / "current").exists() else min(os.listdir(home / "generations"), key=int)
        connection = sqlite3.connect(home / "generations" / current / "appliance.sqlite")
        try:
            check = connection.execute("PRAGMA integrity_check").fetchone()[0]
            require(check == "ok", f"the database: {check}")
            require(not connection.execute("PRAGMA foreign_key_check").fetchall(), "the database: rows without their parents")
            rows = connection.execute("SELECT extension, name FROM user ORDER BY extension").fetchall()
        finally:
            connection.close()
        number = int(rows[0][1].removeprefix("N")) if rows and rows[0][1].startswith("N") else 0
        if number:
            require(rows == [(e, n) for e, n, _ in users(number)], f"half a change: {rows}")
        return number

    def up(self):
        """On, until a slot is confirmed and the administration answers; it must know its owner and its settings."""
        self.board.start()
        self.board.wait_log(r"slot [AB] confirmed", timeout=PATIENCE * 2)
        self.board.wait_ready()
        if not self.board.token:
            self.board.claim(self.label, OWNER)
            self.board.sign_in(OWNER)
        status, answer = self.board.call("GET", "/v1/status", timeout=60)
        require(status == 200, f"the owner's token is answered with {status} {answer}")
        expected = len(users(self.number)) if self.number else 2
        require(answer["users"] == expected, f"{answer['users']} users, expected {expected}")
        return re.findall(r"slot ([AB]) version (\S+) started", self.board.log())[-1]

    # --- chapters

    def prepare(self):
        factory, self.label = self.board.make_factory(SERIAL, MODEL, self.directory / "pki")
        self.board.flash(factory)
        self.board.configure({"appliance.yaml": configuration(), "hosts": HOSTS})
        self.bundles = {}
        for image, version in zip((self.o.image, self.o.next), self.versions):
            target = self.directory / f"{version}.raucb"
            keys = pathlib.Path(self.o.keys)
            run([TREE / "hw/build/bundle.sh", image, target, keys / "signer.pem", keys / "signer.key"], timeout=900)
            self.bundles[version] = target
        slot, version = self.up()
        self.step("board", f"made, started, claimed; slot {slot} version {version}")

    def uncut(self):
        """An update that nothing interrupts: how long one takes, from the first byte of the upload to the confirmation."""
        since, began = len(self.board.log()), time.monotonic()
        self.hand_in()
        found = self.board.wait_log(r"slot \w confirmed|update: refused.*", timeout=PATIENCE * 3, since=since)
        require("confirmed" in found[0], found[0])
        self.window = time.monotonic() - began
        self.board.wait_ready()
        self.step("update", f"an update takes {self.window:.0f} s here, upload to confirmation: the window of the cuts")

    def hand_in(self):
        """The newer version; once it runs, the same again, which is no step back."""
        bundle = list(self.bundles.values())[-1].read_bytes()
        status, answer = self.board.call("PUT", "/v1/firmware", raw=bundle, timeout=PATIENCE)
        require(status == 202, f"handing in: {status} {answer}")

    def cut_settings(self):
        writer = Writer(self.board, self.number)
        writer.start()
        wait = self.random.uniform(0, self.o.writing)
        time.sleep(wait)
        writer.ended.set()
        self.board.pull()
        writer.join(60)
        require(not hasattr(writer, "refused"), f"a change was refused: {getattr(writer, 'refused', '')}")
        self.number, slots = self.inspect(writer.acknowledged, writer.sent)
        return wait, f"change {self.number} of {writer.acknowledged} acknowledged, {writer.sent} sent; {slots}"

    def cut_update(self):
        upload = threading.Thread(target=self.try_hand_in, daemon=True)
        upload.start()
        wait = self.random.uniform(0, self.window)
        time.sleep(wait)
        stage = self.stage()
        self.board.pull()
        upload.join(60)
        _, slots = self.inspect(self.number, self.number)
        return wait, f"{stage}; {slots}"

    def try_hand_in(self):
        try:
            self.hand_in()
        except (OSError, ssl.SSLError, Failed):
            pass

    def stage(self):
        log = self.board.log()
        for pattern, name in ((r"slot \w confirmed(?s:.*)slot \w confirmed", "confirmed"), (r"slot \w version(?s:.*)slot \w version", "first start"),
                              (r"update: installed", "restart"), (r"update: installing", "installation")):
            if re.search(pattern, log):
                return name
        return "upload"

    def cuts(self):
        kinds = ["update", "settings"] * ((self.o.cuts + 1) // 2)
        done = {"update": 0, "settings": 0}
        for number, kind in enumerate(kinds[: self.o.cuts], 1):
            wait, seen = getattr(self, f"cut_{kind}")()
            slot, version = self.up()
            done[kind] += 1
            print(f"    cut {number}, {kind}, {wait:.1f} s: {seen}; then slot {slot} version {version} confirmed", flush=True)
            if self.o.count_file:
                pathlib.Path(self.o.count_file).write_text(json.dumps(done) + "\n")
        self.board.pull()
        self.step("power", f"{done['update']} cuts of updates, {done['settings']} of settings: every start confirmed, every state whole")

    def story(self):
        try:
            self.prepare()
            self.uncut()
            self.cuts()
        finally:
            self.board.pull()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", required=True)
    parser.add_argument("--next", required=True)
    parser.add_argument("--keys", required=True)
    parser.add_argument("--cuts", type=int, default=3)
    parser.add_argument("--writing", type=float, default=8, help="a cut of settings comes at most so many seconds after the first change")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count-file", help="how many cuts were survived, as JSON")
    parser.add_argument("--keep")
    options = parser.parse_args()
    end_on_signals()
    return played("power-test", Power(options))


if __name__ == "__main__":
    sys.exit(main())
