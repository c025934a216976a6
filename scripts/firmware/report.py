#!/usr/bin/env python3
"""Prints the figures of an image: sizes by component, boot, memory, beside what others publish."""
import argparse
import json
import pathlib

MIB = 1 << 20


TARGETS = {"kernel's start to first SIP answer, s": 3, "resident memory idle, kB": 48 * 1024}
# Not measured here; they are older than what they are set beside, and none counts the same things.
PUBLISHED = (
    "AstLinux (Linux and Asterisk): a boot image of 26 MB (smallnetbuilder.com, How To: Building an Embedded Asterisk PBX, 2005)",
    "Asterisk on a Linksys NSLU2 (Unslung): a machine with 8 MB of flash and 32 MB of memory (H. Chak in ;login:, docslib.org/doc/7235353)",
    "OpenWrt 21.02 without telephony: 8 MB of flash and 64 MB of memory at least, 16 and 128 advised (openwrt.org/supported_devices/432_warning)",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", required=True)
    options = parser.parse_args()
    image = pathlib.Path(options.image)
    contents = json.loads((image / "contents.json").read_text())
    files = contents["files"]
    print(f"{contents['board']} {contents['version']}")
    root = files["rootfs.squashfs"]
    print(f"  root file system, compressed   {root / MIB:6.1f} MiB   target 40 MiB: {'met' if root <= 40 * MIB else 'MISSED'}")
    print(f"  kernel, compressed             {files['Image.gz'] / MIB:6.1f} MiB")
    if "initramfs.zst" in files:
        print(f"  initramfs                      {files['initramfs.zst'] / MIB:6.1f} MiB")
    print("  by component                   as it is   compressed alone")
    for name, (plain, packed) in sorted(contents["components"].items(), key=lambda item: -item[1][1]):
        if packed > 50_000:
            print(f"    {name:28} {plain / MIB:7.2f} MiB {packed / MIB:7.2f} MiB")
    figures = image / "figures.json"
    if not figures.exists():
        print("  boot and memory: not measured; run 'make qemu-test'")
    else:
        for name, value in json.loads(figures.read_text()).items():
            target = TARGETS.get(name)
            print(f"  {name}: {value}" + (f"   target {target}: {'met' if value <= target else 'MISSED'}" if target else ""))
    print("  published by others, to set beside:")
    for line in PUBLISHED:
        print(f"    {line}")
    bill = json.loads((image / "sbom.cdx.json").read_text())["components"]
    unnamed = [c["name"] for c in bill if "licenses" not in c]
    print(f"  bill of materials: {len(bill)} components, {len(unnamed)} without a licence name{': ' + ', '.join(unnamed) if unnamed else ''}")


if __name__ == "__main__":
    main()
