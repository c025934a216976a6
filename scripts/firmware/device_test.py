#!/usr/bin/env python3
"""The devices of a board in the emulator: the button held for ten seconds, a board without a clock, a key in a TPM 2.0.

    device_test.py --image DIR [--chapters button clock tpm]"""
import argparse
import email.utils
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import time

from board import HOSTS, TREE, Board, configuration

sys.path.insert(0, str(TREE / "scripts"))
from harness import Story, end_on_signals, free_port, played, require, run, until  # noqa: E402

OWNER = "an owner's long password"
BUTTON = "f12"


class Devices(Story):
    def __init__(self, options):
        super().__init__(keep=options.keep)
        self.o, self.tpm = options, None

    def board(self, name, **factory):
        board = Board(self.o.image, self.directory / name)
        image, label = board.make_factory("DEVICE0001", "PBX-QEMU", board.directory / "pki", **factory)
        board.flash(image)
        board.configure({"appliance.yaml": configuration(), "hosts": HOSTS})
        return board, label

    # --- chapters

    def button(self):
        """A short press does nothing; ten seconds bring the factory state back, and the label's code is valid again."""
        board, label = self.board("button")
        try:
            board.start()
            board.wait_log(r"slot A confirmed")
            board.wait_ready()
            board.claim(label, OWNER)
            status, _ = board.call("POST", "/v1/owner", {"code": label, "password": "another long password"}, timeout=120)
            require(status == 409, f"a second owner was answered with {status}")
            board.press(BUTTON, 2)
            time.sleep(15)
            require("factory reset" not in board.log(), "a press of two seconds reset the board")
            board.press(BUTTON, 14)
            board.wait_log(r"held for ten seconds")
            board.wait_log(r"factory reset")
            board.wait_log(r"slot [AB] confirmed", count=2)
            board.wait_ready()
            board.claim(label, "the next owner's password")
            self.step("button", "two seconds do nothing; ten bring the factory state back: the label's code makes a new owner")
        finally:
            board.pull()

    def clock(self):
        """A board whose clock says 2001 starts with the time of its firmware, and later with the last that it knew."""
        board, _ = self.board("clock")
        built = int(re.search(r"built=(\d+)", (pathlib.Path(self.o.image) / "rootfs/etc/pbx/release").read_text()).group(1))
        try:
            board.start(extra=["-rtc", "base=2001-01-01T00:00:00"])
            board.wait_log(r"clock set to the least that it can be")
            board.wait_log(r"slot A confirmed")
            board.wait_ready()
            date = self.date(board)
            require(built <= date < built + 3600, f"the board believes it to be {date}, its firmware is of {built}")
            board.pull()
            # It has known a later time since: two days after its firmware was made.
            later = built + 2 * 86_400
            board.configure({"appliance.yaml": configuration(), "hosts": HOSTS, "clock": f"{later}\n"})
            board.start(extra=["-rtc", "base=2001-01-01T00:00:00"])
            board.wait_log(r"slot A confirmed")
            board.wait_ready()
            date = self.date(board)
            require(later <= date < later + 3600, f"the board believes it to be {date}, it knew {later} before")
            self.step("clock", "no clock: never earlier than the firmware, nor than the last time known; TLS and the administration work with it")
        finally:
            board.pull()

    @staticmethod
    def date(board):
        """What the board says of the time: the Date of an answer."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", board.ports()["https"]), timeout=60) as plain, context.wrap_socket(plain) as stream:
            stream.sendall(b"GET /health HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n")
            text = b""
            while block := stream.recv(4096):
                text += block
        return email.utils.parsedate_to_datetime(re.search(rb"(?im)^date: (.*?)\r?$", text).group(1).decode()).timestamp()

    def tpm_start(self, state, arguments):
        self.tpm = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", *arguments], stdout=subprocess.DEVNULL,
                                    stderr=open(self.directory / "swtpm.log", "ab"), start_new_session=True)

    def tpm_stop(self):
        if self.tpm and self.tpm.poll() is None:
            self.tpm.terminate()
        if self.tpm:
            self.tpm.wait(20)
        self.tpm = None

    def chapter_tpm(self):
        """The key is made in the TPM and never leaves it: with it the board serves TLS; without its TPM it does not start."""
        state = self.directory / "tpm-state"
        state.mkdir()
        port = free_port()
        self.tpm_start(state, ["--server", f"type=tcp,port={port}", "--ctrl", f"type=tcp,port={port + 1}", "--flags", "not-need-init,startup-clear"])
        time.sleep(1)
        provider = {"TPM2OPENSSL_TCTI": f"swtpm:port={port}"}
        key, public = self.directory / "tpm.pem", self.directory / "tpm-public.pem"
        run(["openssl", "genpkey", "-provider", "tpm2", "-algorithm", "EC", "-pkeyopt", "group:P-256", "-out", key], environment=provider)
        run(["openssl", "pkey", "-provider", "tpm2", "-provider", "default", "-propquery", "?provider=tpm2", "-in", key, "-pubout", "-out", public], environment=provider)
        self.tpm_stop()
        board, label = self.board("tpm", tpm_key=(key, public))
        control = self.directory / "tpm.sock"
        try:
            self.tpm_start(state, ["--ctrl", f"type=unixio,path={control}"])
            until("the emulated TPM", control.exists, 20)
            board.start(extra=["-chardev", f"socket,id=t,path={control}", "-tpmdev", "emulator,id=tpm0,chardev=t", "-device", "tpm-tis-device,tpmdev=tpm0"])
            board.wait_log(r"slot A confirmed")
            board.wait_ready()
            board.claim(label, OWNER)
            board.sign_in(OWNER)
            require(board.call("GET", "/v1/status")[1]["serial"] == "DEVICE0001", "another serial")
            served = run(["openssl", "s_client", "-connect", f"127.0.0.1:{board.ports()['https']}", "-showcerts"], check=False, stdin="", timeout=120).stdout
            shown = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=served, capture_output=True, text=True).stdout
            require(shown.strip() == public.read_text().strip(), "the certificate that is served is not that of the TPM's key")
            board.pull()
            self.tpm_stop()
            board.start()
            board.wait_log(r"the appliance has ended: .*TPM")
            self.step("tpm", "a key made in the TPM serves TLS; the same disk without its TPM gives no identity")
        finally:
            board.pull()
            self.tpm_stop()

    def story(self):
        for chapter in self.o.chapters:
            getattr(self, {"tpm": "chapter_tpm"}.get(chapter, chapter))()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", required=True)
    parser.add_argument("--chapters", nargs="+", default=["button", "clock", "tpm"], choices=["button", "clock", "tpm"])
    parser.add_argument("--keep")
    options = parser.parse_args()
    end_on_signals()
    return played("device-test", Devices(options))


if __name__ == "__main__":
    sys.exit(main())
