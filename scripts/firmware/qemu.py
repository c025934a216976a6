#!/usr/bin/env python3
"""Boots the image in QEMU with networking and prints where its web page, SIP and log are; Ctrl-C pulls the plug.

The board keeps its disk in --keep (default: the work directory), so that the next start finds what the last one left."""
import argparse
import sys
import time

from board import HOSTS, TREE, Board, configuration

sys.path.insert(0, str(TREE / "scripts"))
from harness import end_on_signals  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", required=True, help="directory of `make image`")
    parser.add_argument("--keep", required=True, help="where disk and log are kept")
    parser.add_argument("--fresh", action="store_true", help="a new board, with a new factory partition")
    options = parser.parse_args()
    end_on_signals()
    board = Board(options.image, options.keep)
    code_file = board.directory / "label-code"
    if options.fresh or not board.disk.exists():
        factory, code = board.make_factory("QEMU000001", "PBX-QEMU", board.directory / "pki")
        board.flash(factory)
        board.configure({"appliance.yaml": configuration(), "hosts": HOSTS})
        code_file.write_text(code + "\n")
    board.start()
    try:
        seconds = board.sip_answer()
        port = board.ports()
        print(f"""The board answers ({seconds:.1f} s after power).
Administration:  https://127.0.0.1:{port['https']}/   (health without a password: /health)
Label code:      {code_file.read_text().strip()}   (POST /v1/owner with code and password makes you its owner, once)
SIP:             127.0.0.1:{port['sip']} (UDP, TCP), 127.0.0.1:{port['sips']} (TLS); users 100 and 101, echo 600
Log:             {board.serial_log}
Ctrl-C ends it.""", flush=True)
        while board.process.poll() is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass
    finally:
        board.pull()


if __name__ == "__main__":
    main()
