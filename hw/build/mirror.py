#!/usr/bin/env python3
"""Brings a copy of the package up to date, so that a compiler's state outlives the clone that it was made for: a file whose bytes
are the same keeps its time and its inode, whatever the clone's are. usage: mirror.py PACKAGE COPY"""
import filecmp
import os
import pathlib
import shutil
import sys

LEFT_OUT = {".git", ".build", "docs", "hw", "rootfs", "scripts"}


def main():
    package, copy = map(pathlib.Path, sys.argv[1:])
    copy.mkdir(parents=True, exist_ok=True)
    wanted, changed = set(), 0
    for directory, names, files in os.walk(package):
        here = pathlib.Path(directory).relative_to(package)
        if here == pathlib.Path("."):
            names[:] = [n for n in names if n not in LEFT_OUT and not n.startswith(".build")]
        wanted.add(here)
        (copy / here).mkdir(exist_ok=True)
        for name in files:
            source, target = package / here / name, copy / here / name
            wanted.add(here / name)
            if not target.exists() or not filecmp.cmp(source, target, shallow=False):
                shutil.copyfile(source, target)
                changed += 1
    for directory, names, files in os.walk(copy, topdown=False):
        here = pathlib.Path(directory).relative_to(copy)
        for name in files:
            # What the package manager has resolved stays, where the clone brings nothing of its own.
            if here / name not in wanted and name != "Package.resolved":
                (copy / here / name).unlink()
        if here not in wanted:
            os.rmdir(directory)
    print(f"   {changed} files of the package have changed since the last build")


if __name__ == "__main__":
    main()
