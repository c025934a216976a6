#!/usr/bin/env python3
"""Updates of a board in the emulator: what must be refused, what must be installed, what must be rolled back.

    update_test.py --image V1 --next V2 --broken V3 --keys DIR [--chapters refusals update rollback]

V2 is a newer version that works, V3 one whose appliance does not start (`image.py --break daemon`). With --offline bundles are laid
into the appliance's inbox while the board is off, so that nothing depends on its administration."""
import argparse
import hashlib
import os
import pathlib
import re
import sys
import tempfile

from board import HOSTS, PATIENCE, TREE, Board, configuration

sys.path.insert(0, str(TREE / "scripts"))
from harness import Story, end_on_signals, played, require, run  # noqa: E402

OWNER = "an owner's long password"


class Updates(Story):
    def __init__(self, options):
        super().__init__(keep=options.keep)
        self.o, self.keys = options, pathlib.Path(options.keys)
        self.board = Board(options.image, self.directory / "board")

    # --- bundles

    def bundle(self, name, image=None, signer="signer", compatible="", version=""):
        target = self.directory / f"{name}.raucb"
        if not target.exists():
            release = dict(line.split("=", 1) for line in (pathlib.Path(image or self.o.next) / "rootfs/etc/pbx/release").read_text().splitlines())
            run([TREE / "hw/build/bundle.sh", image or self.o.next, target, self.keys / f"{signer}.pem", self.keys / f"{signer}.key",
                 compatible or release["compatible"], version or release["version"]], timeout=900)
        return target

    def bad_bundles(self):
        good = self.bundle("next")
        truncated, changed = self.directory / "truncated.raucb", self.directory / "changed.raucb"
        data = bytearray(good.read_bytes())
        truncated.write_bytes(data[: len(data) // 2])
        data[len(data) // 3] ^= 0x55
        changed.write_bytes(data)
        return [("wrong signature", self.bundle("forged", signer="stranger")), ("older version", self.bundle("older", version="0.9.0")),
                ("truncated", truncated), ("other board", self.bundle("other-board", compatible="pbx-rpi4")), ("changed in the middle", changed)]

    # --- the board

    def new_board(self):
        if self.o.offline:
            self.board.flash()
        else:
            self.factory, self.label = self.board.make_factory("UPDATE0001", "PBX-QEMU", self.directory / "pki")
            self.board.flash(self.factory)
        self.board.configure({"appliance.yaml": configuration(), "hosts": HOSTS})
        self.claimed, self.board.token = False, None

    def up(self, pattern=r"slot [AB] confirmed"):
        """Starts it if it is off, and waits until its slot is confirmed (or for another line)."""
        if not self.board.process:
            self.board.start()
        self.board.wait_log(pattern)
        if not self.o.offline:
            self.board.wait_ready()
            if not self.claimed:
                self.board.claim(self.label, OWNER)
                self.claimed = True
            if not self.board.token:
                self.board.sign_in(OWNER)

    def hand_in(self, bundle):
        """Gives the board a bundle; does not wait for what becomes of it. Returns where in the log to look from."""
        if self.o.offline:
            self.board.pull()
            self.lay_in(bundle)
            self.board.start()
            return 0
        since = len(self.board.log())
        status, answer = self.board.call("PUT", "/v1/firmware", raw=bundle.read_bytes(), timeout=PATIENCE)
        require(status == 202, f"handing in {bundle}: {status} {answer}")
        return since

    def lay_in(self, bundle):
        with tempfile.TemporaryDirectory(dir=self.directory) as d:
            update = pathlib.Path(d) / "content/update"
            update.mkdir(parents=True)
            os.link(bundle, update / "bundle.raucb")
            (update / "request").touch()
            image = pathlib.Path(d) / "image"
            with open(image, "wb") as stream:
                stream.truncate(self.board.layout["data"][1])
            run(["mkfs.ext4", "-q", "-F", "-d", update.parent, image])
            self.board.write("data", image.read_bytes())

    def installed(self, bundle):
        since = self.hand_in(bundle)
        self.board.wait_log(r"update: (installed|refused) (.*)", since=since)
        word, detail = re.findall(r"update: (installed|refused) (.*)", self.board.log()[since:])[-1]
        return word == "installed", detail, since

    def running(self, slot):
        """What must not change: both images of the slot that runs."""
        digest = hashlib.sha256()
        for name in (f"kernel{slot}", f"root{slot}"):
            digest.update(self.board.read(name))
        return digest.hexdigest()

    # --- chapters

    def refusals(self):
        self.new_board()
        self.up()
        before = self.running("A")
        for name, bundle in self.bad_bundles():
            done, detail, _ = self.installed(bundle)
            require(not done, f"a bundle ({name}) was installed")
            require(self.running("A") == before, f"a refused bundle ({name}) changed the running slot")
            require(self.board.counters()["BOOT_ORDER"].startswith("A"), f"after {name} the counters say {self.board.counters()}")
            self.step(f"refused, {name}", detail.strip()[:150])
        self.board.pull()

    def update(self):
        self.new_board()
        self.up()
        done, detail, since = self.installed(self.bundle("next"))
        require(done, f"the update was refused: {detail}")
        self.board.wait_log(r"slot B version (\S+) started", since=since)
        self.board.wait_log(r"slot B confirmed", since=since)
        version = re.findall(r"slot B version (\S+) started", self.board.log()[since:])[-1]
        self.step("update", f"installed into slot B, restarted by itself, version {version} confirmed; counters {self.board.counters()}")

    def rollback(self):
        """After `update`: slot B runs; the broken version goes into A."""
        done, detail, since = self.installed(self.bundle("broken", image=self.o.broken))
        require(done, f"the broken version was refused: {detail}")
        self.board.wait_log(r"slot A version \S+ started", since=since)
        self.board.wait_log(r"slot B version \S+ started", since=self.board.log().rindex("slot A version"), timeout=PATIENCE * 2)
        text = self.board.log()[since:]
        why = "crash loop" if "crash loop" in text else "tries used up"
        self.board.wait_log(r"slot B confirmed", since=since + text.rindex("slot B version"))
        self.step("rollback", f"the broken version started in slot A; {why}: back to slot B by itself, confirmed; counters {self.board.counters()}")
        self.board.pull()

    def story(self):
        try:
            for chapter in self.o.chapters:
                getattr(self, chapter)()
        finally:
            self.board.pull()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", required=True)
    parser.add_argument("--next", required=True)
    parser.add_argument("--broken")
    parser.add_argument("--keys", required=True)
    parser.add_argument("--chapters", nargs="+", default=["refusals", "update", "rollback"])
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args()
    end_on_signals()
    return played("update-test", Updates(options))


if __name__ == "__main__":
    sys.exit(main())
