#!/usr/bin/env python3
"""Writes a board's image, and its factory partition, to an SD card or eMMC: asks before it overwrites, shows how far it is,
reads back what it wrote.

    flash.py IMAGEDIR DEVICE [--factory FACTORY.img] [--yes]      DEVICE may be a file, for the emulator"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import stat
import sys

BLOCK = 4 << 20


def die(text):
    sys.exit(f"error: {text}")


def describe(device):
    """What is there, for the question; refuses what is mounted or not a whole disk."""
    if not stat.S_ISBLK(os.stat(device).st_mode):
        return "a file"
    name = os.path.basename(os.path.realpath(device))
    entry = pathlib.Path("/sys/class/block") / name
    if (entry / "partition").exists():
        die(f"{device} is a partition; name the whole disk")
    mounted = [line.split()[1] for line in open("/proc/mounts") if re.match(rf"/dev/{re.escape(name)}(p?\d+)? ", line)]
    if mounted:
        die(f"{device} is in use: mounted at {', '.join(mounted)}; unmount it first")
    size = int((entry / "size").read_text()) * 512
    model = (entry / "device/model").read_text().strip() if (entry / "device/model").exists() else "unknown model"
    removable = (entry / "removable").read_text().strip() == "1" or name.startswith("mmcblk")
    return f"{model}, {size / 1e9:.1f} GB, {'removable' if removable else 'NOT REMOVABLE'}"


def pour(source, target, offset, what):
    """Copies, showing progress; returns the digest of what was written. Zero blocks are written too: the card held something."""
    size, done, digest = os.path.getsize(source), 0, hashlib.sha256()
    with open(source, "rb") as data:
        os.lseek(target, offset, os.SEEK_SET)
        while block := data.read(BLOCK):
            view = memoryview(block)
            while view:
                view = view[os.write(target, view):]
            digest.update(block)
            done += len(block)
            if sys.stderr.isatty() or done == size:
                width = 30 * done // size
                print(f"\r{what} [{'#' * width}{'.' * (30 - width)}] {100 * done // size:3d} %", end="", file=sys.stderr, flush=True)
    os.fsync(target)
    print(file=sys.stderr)
    return digest.hexdigest(), size


def check(target, offset, size, expected):
    digest, left = hashlib.sha256(), size
    os.posix_fadvise(target, offset, size, os.POSIX_FADV_DONTNEED)
    os.lseek(target, offset, os.SEEK_SET)
    while left and (block := os.read(target, min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
    if digest.hexdigest() != expected:
        die("what was read back differs from what was written: the medium is not to be trusted")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("device")
    parser.add_argument("--factory", help="factory partition of this one board (factory.sh)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args()
    directory = pathlib.Path(options.image)
    disk, layout = directory / "disk.img", json.loads((directory / "layout.json").read_text())
    if not os.path.exists(options.device):
        if options.device.startswith("/dev/"):
            die(f"there is no {options.device}; is the card in?")
        open(options.device, "wb").close()
    print(f"{options.device}: {describe(options.device)}")
    print(f"{disk}: {os.path.getsize(disk) / (1 << 20):.0f} MiB" + (f", factory partition {options.factory}" if options.factory else ", NO factory partition"))
    if not options.yes and input(f"Everything on {options.device} will be lost. Type its name to go on: ").strip() != options.device:
        die("not confirmed; nothing was written")
    target = os.open(options.device, os.O_RDWR | (os.O_EXCL if options.device.startswith("/dev/") else 0))
    digest, size = pour(disk, target, 0, "image  ")
    check(target, 0, size, digest)
    if options.factory:
        offset, room = layout["factory"]
        if os.path.getsize(options.factory) > room:
            die("the factory partition is larger than its place")
        digest, size = pour(options.factory, target, offset, "factory")
        check(target, offset, size, digest)
    os.close(target)
    print("written, read back and found the same")


if __name__ == "__main__":
    main()
