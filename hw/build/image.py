#!/usr/bin/env python3
"""Makes a board's image from its description, the overlay rootfs/, Debian's packages and the cross-built programs.

    image.py --work DIR --board NAME --version X.Y.Z [--out DIR] [--epoch SECONDS] [--break init|daemon]

Writes to OUT: rootfs.squashfs with its dm-verity hashes (rootfs.img), kernel slot (kernel.img), disk.img (without factory data),
slot.env, sbom.cdx.json, contents.json (what takes how much), SHA256SUMS. The same inputs give the same bytes: all times are
EPOCH, all orders are sorted, all identifiers are derived. Runs as root (ownership inside the file systems)."""
import argparse
import gzip
import hashlib
import json
import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import uuid
import zlib

import yaml

from sbom import write_sbom

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent
MULTIARCH = "aarch64-linux-gnu"
MIB = 1 << 20
BASE_PACKAGES = ["busybox-static", "ca-certificates", "util-linux", "rauc", "dbus-daemon", "libubootenv-tool", "dmsetup", "nftables", "tpm2-openssl"]
# Programs of the root file system beside ours, by their path in the package.
PROGRAMS = ["/usr/bin/setpriv", "/usr/bin/rauc", "/usr/bin/dbus-daemon", "/usr/bin/fw_printenv", "/usr/bin/fw_setenv", "/usr/sbin/nft"]
APPLETS = """sh mount umount ip udhcpc mkdir rmdir cat ls ps sleep echo ln cp mv rm df free dmesg hostname reboot poweroff halt sed grep sync
 mknod insmod date kill pidof cut tr head tail wc dd test [ expr chmod chown stat touch sysctl blkdiscard mke2fs ntpd init seq true false
 od""".split()
# Dependencies on paper: maintainer scripts and service managers that no image has.
UNNEEDED = {"adduser", "coreutils", "cpio", "debconf", "dbus-bin", "dbus-session-bus-common", "dbus-system-bus-common", "gcc-14-base", "gawk", "login",
            "login.defs", "logsave", "mawk", "mount", "openssl", "openssl-provider-legacy", "passwd", "perl-base", "systemd", "udev", "dpkg", "tar", "sed",
            "libsystemd-shared", "libpam-modules", "libpam-modules-bin", "libpam-runtime", "libdb5.3t64", "dmeventd", "squashfs-tools", "ucf", "sensible-utils"}
LATE_ALWAYS = ["nf_tables", "nft_ct", "nft_limit", "nf_conntrack", "nft_reject_inet", "loop", "softdog"]
TYPES = {"boot": "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"}
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=options.pop("text", True), **options)
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Packages:
    """The unpacked Debian packages, and which file came from which."""

    def __init__(self, work, board):
        self.work, self.pool, self.owner, self.debs = work, work / "pool" / board, {}, {}

    def fetch(self, directory, suite, packages):
        target = self.work / "img-debs" / directory
        wanted = " ".join(packages)
        stamp = target / "WANTED"
        if not stamp.exists() or stamp.read_text() != wanted or os.environ.get("REFRESH"):
            run("bash", "-c", f'. "{HERE}/lib.sh"; fetch "{suite}" arm64 "{target}" {wanted}', env={**os.environ, "WORK": str(self.work)})
            stamp.write_text(wanted)
        return sorted(target.glob("*.deb"))

    def index(self, deb):
        """Remembers what a package holds. Read once for each package; the result stays in the work directory."""
        cache = self.work / "index" / f"{deb.name}.json"
        if not cache.exists():
            name, version, arch = run("dpkg-deb", "-W", "--showformat=${Package} ${Version} ${Architecture}", deb).split()
            paths = [line.split(None, 5)[5].split(" -> ")[0].lstrip(".") for line in run("dpkg-deb", "-c", deb).splitlines()]
            wanted = [re.sub(r"^/(bin|sbin|lib)/", r"/usr/\1/", p) for p in paths if not p.endswith("/") and re.search(r"/(s?bin|lib)/", p)]
            cache.parent.mkdir(exist_ok=True)
            cache.write_text(json.dumps([name, version, arch, wanted if len(wanted) < 20_000 else []]))
        name, version, arch, paths = json.loads(cache.read_text())
        self.debs[name] = (deb, version, arch)
        for path in paths:
            self.owner.setdefault(path, name)
        return name

    def unpack(self, debs):
        """Their files in the pool; unpacked once for each set of packages."""
        stamp, wanted = self.pool / ".set", "\n".join(d.name for d in debs)
        if stamp.exists() and stamp.read_text() == wanted:
            for deb in debs:
                self.index(deb)
            return
        shutil.rmtree(self.pool, ignore_errors=True)
        self.pool.mkdir(parents=True, exist_ok=True)
        for d in ("bin", "sbin", "lib"):
            (self.pool / "usr" / d).mkdir(parents=True, exist_ok=True)
            link = self.pool / d
            if not link.exists():
                link.symlink_to(f"usr/{d}")
        for deb in debs:
            name = self.index(deb)
            if name in UNNEEDED:
                continue
            run("bash", "-c", f'dpkg-deb --fsys-tarfile "{deb}" | tar -x -C "{self.pool}" --keep-directory-symlink --exclude="./usr/share/locale" --exclude="./usr/share/man"')
        stamp.write_text(wanted)


class Image:
    def __init__(self, options):
        self.o, self.work = options, pathlib.Path(options.work).resolve()
        self.board = yaml.safe_load((TREE / "hw/boards" / options.board / "board.yaml").read_text())
        self.out = pathlib.Path(options.out).resolve() if options.out else self.work / "img" / options.board
        self.out.mkdir(parents=True, exist_ok=True)
        self.root, self.initramfs, self.stage = self.out / "rootfs", self.out / "initramfs", self.out / "stage"
        for d in (self.root, self.initramfs, self.stage):
            shutil.rmtree(d, ignore_errors=True)
        self.stage.mkdir()
        (self.out / "figures.json").unlink(missing_ok=True)  # what was measured of an earlier image
        self.epoch = options.epoch
        self.sysroot = self.work / "sdk/swift-debian-arm64.artifactbundle/debian-arm64/aarch64-unknown-linux-gnu/sysroot"
        self.packages = Packages(self.work, self.board["name"])
        self.used = {}  # path in the image -> package

    def uuid(self, what):
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"pbx-appliance/{self.board['name']}/{what}"))

    # --- packages

    def gather(self):
        packages = list(BASE_PACKAGES)
        if self.board["u_boot"]["package"] != "none":
            packages.append(self.board["u_boot"]["package"])
        base = self.packages.fetch(f"base-{self.board['name']}", "trixie", packages)
        self.packages.unpack(base)
        if self.own_kernel:
            self.build_kernel()
        else:
            self.fetch_kernel()
        # What programs linked against comes from these, unless the pool has it.
        for deb in sorted((self.work / "debs/sysroot").glob("*.deb")) + sorted(self.work.glob("cache/pairs/*/arm64/libswiftlang_*.deb")):
            self.packages.index(deb)

    @property
    def own_kernel(self):
        """Built from source for this board, with all that it needs inside; else the archive's, with modules and an initramfs."""
        return isinstance(self.board["kernel"], dict)

    def build_kernel(self):
        kernel = self.board["kernel"]
        run(HERE / "15-kernel.sh", TREE / "hw/kernel" / f"{kernel['config']}.config", kernel["source"], env={**os.environ, "WORK": str(self.work)})
        directory = self.work / "kernel" / kernel["config"]
        self.kernel_image = directory / "Image"
        self.kernel_deb = self.work / "img-debs/kernel-source" / (directory / "source").read_text().strip()
        self.packages.index(self.kernel_deb)

    def fetch_kernel(self):
        kernel = [d for d in self.packages.fetch("kernel-" + self.board["kernel"], "trixie", [self.board["kernel"]])
                  if re.match(r"linux-image-[0-9]", d.name)][0]
        self.kernel_deb = kernel
        self.packages.index(kernel)
        self.kernel_tree = self.work / "kernel" / kernel.stem
        if not (self.kernel_tree / ".done").exists():
            shutil.rmtree(self.kernel_tree, ignore_errors=True)
            self.kernel_tree.mkdir(parents=True)
            run("dpkg-deb", "-x", kernel, self.kernel_tree)
            self.kernel_version = os.listdir(self.kernel_tree / "usr/lib/modules")[0]
            run("depmod", "-b", self.kernel_tree / "usr", self.kernel_version)
            (self.kernel_tree / ".done").touch()
        self.kernel_version = os.listdir(self.kernel_tree / "usr/lib/modules")[0]
        self.kernel_image = self.kernel_tree / f"boot/vmlinuz-{self.kernel_version}"

    # --- root file system

    def put(self, source, target, mode=None, root=None):
        target = (root or self.root) / target.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or target.exists():
            target.unlink()
        shutil.copyfile(source, target)
        target.chmod(mode if mode is not None else (0o755 if os.access(source, os.X_OK) else 0o644))

    def note(self, target, source, owner=None):
        name = owner or self.packages.owner.get("/" + str(source).lstrip("/"))
        self.used[target] = name

    def libraries(self, binary, root):
        """Copies the shared libraries that a program names, and theirs, into `root`."""
        with open(binary, "rb") as stream:
            if stream.read(4) != b"\x7fELF":
                return
        needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", binary))
        for name in needed:
            if (HERE / "stubs" / f"{name}.c").exists():
                self.stub(name, root)
                continue
            places = [(self.sysroot / "usr/libexec/swift/lib/swift/linux", "usr/lib/swift", "/usr/libexec/swift/lib/swift/linux"),
                      (self.packages.pool / "usr/lib" / MULTIARCH, f"usr/lib/{MULTIARCH}", f"/usr/lib/{MULTIARCH}"),
                      (self.packages.pool / "usr/lib" / MULTIARCH / "systemd", f"usr/lib/{MULTIARCH}", f"/usr/lib/{MULTIARCH}/systemd"),
                      (self.sysroot / "usr/lib" / MULTIARCH, f"usr/lib/{MULTIARCH}", f"/usr/lib/{MULTIARCH}"),
                      (self.sysroot / "usr/lib", "usr/lib", "/usr/lib")]
            for place, target, origin in places:
                if (place / name).exists():
                    break
            else:
                sys.exit(f"error: {binary} needs {name}, which is in no package of the image")
            path = f"{target}/{name}"
            if (root / path).exists():
                continue
            self.put(place / name, path, 0o755, root)
            if root == self.root:
                real = os.path.realpath(place / name)
                self.note("/" + path, f"{origin}/{os.path.basename(real)}", "libswiftlang" if "swift/linux" in str(place) else None)
            self.libraries(root / path, root)

    def stub(self, name, root):
        """A library of ours in place of one that a program links and never needs (stubs/NAME.c says why)."""
        target = root / "usr/lib" / MULTIARCH / name
        if not target.exists():
            script = self.stage / "versions"
            script.write_text("CURL_GNUTLS_3 { global: curl_*; local: *; };\n")
            run("aarch64-linux-gnu-gcc", "-shared", "-fPIC", "-Os", "-nostdlib", "-Wl,--build-id=none", f"-Wl,-soname,{name}", f"-Wl,--version-script={script}",
                HERE / "stubs" / f"{name}.c", "-o", target)
            self.note(f"/usr/lib/{MULTIARCH}/{name}", name, "pbx-appliance")

    def make_root(self):
        r = self.root
        for d in ("usr/bin", f"usr/lib/{MULTIARCH}", "usr/lib/swift", "usr/lib/pbx/modules", "etc/ssl/certs", "etc/rauc", "proc", "sys", "dev", "run",
                  "tmp", "hal/factory", "hal/configuration", "hal/data", "var", "root"):
            (r / d).mkdir(parents=True)
        for name, target in (("bin", "usr/bin"), ("sbin", "usr/bin"), ("lib", "usr/lib"), ("usr/sbin", "bin"), ("var/run", "../run"), ("var/tmp", "../tmp")):
            (r / name).symlink_to(target)
        self.put(self.packages.pool / "usr/bin/busybox", "usr/bin/busybox", 0o755)
        self.note("/usr/bin/busybox", "/usr/bin/busybox")
        for applet in APPLETS:
            (r / "usr/bin" / applet).symlink_to("busybox")
        loader = self.packages.pool / "usr/lib/ld-linux-aarch64.so.1"
        self.put(loader, "usr/lib/ld-linux-aarch64.so.1", 0o755)
        self.note("/usr/lib/ld-linux-aarch64.so.1", "/usr/lib/ld-linux-aarch64.so.1", "libc6")
        for path in PROGRAMS:
            target = "usr/bin/" + os.path.basename(path)
            self.put(self.packages.pool / path.lstrip("/"), target, 0o755)
            self.note("/" + target, path)
            self.libraries(r / target, r)
        for name in ("pbxd", "pbxctl"):
            self.put(self.work / "out/bin" / name, f"usr/bin/{name}", 0o755)
            self.note(f"/usr/bin/{name}", name, "pbx-appliance")
            self.libraries(r / "usr/bin" / name, r)
        for name in ("libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2", "libgcc_s.so.1"):
            source = self.packages.pool / "usr/lib" / MULTIARCH / name
            if source.exists():
                self.put(source, f"usr/lib/{MULTIARCH}/{name}", 0o755)
                self.note(f"/usr/lib/{MULTIARCH}/{name}", name, "libc6" if "gcc" not in name else "libgcc-s1")
        # The provider for keys in a TPM, and its way to the kernel's device.
        for name in ("ossl-modules/tpm2.so", "libtss2-tcti-device.so.0"):
            path = f"usr/lib/{MULTIARCH}/{name}"
            self.put(self.packages.pool / path, path, 0o755)
            self.note("/" + path, "/" + os.path.relpath(os.path.realpath(self.packages.pool / path), self.packages.pool))
            self.libraries(r / path, r)
        certificates = sorted((self.packages.pool / "usr/share/ca-certificates/mozilla").glob("*.crt"))
        (r / "etc/ssl/certs/ca-certificates.crt").write_bytes(b"".join(c.read_bytes() for c in certificates))
        self.note("/etc/ssl/certs/ca-certificates.crt", "", "ca-certificates")
        icu = r / "usr/lib/swift/lib_FoundationICU.so"
        if icu.exists():
            print("  " + run(sys.executable, HERE / "icu-trim.py", icu, "en", "de").strip())
        shutil.copytree(TREE / "rootfs", r, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns("README.md"))
        for name, target in (("resolv.conf", "../run/resolv.conf"), ("hosts", "../run/hosts"), ("fw_env.config", "../run/fw_env.config")):
            (r / "etc" / name).symlink_to(target)
        self.settings()
        if self.own_kernel:
            (r / "usr/lib/pbx/modules/order").write_text("")
        else:
            self.modules(self.board["modules"]["late"] + LATE_ALWAYS, r / "usr/lib/pbx/modules", besides=self.board["modules"]["early"])
        self.strip()
        self.read_ahead()
        if self.o.broken == "init":
            (r / "usr/lib/pbx/start").write_text("#!/bin/sh\necho 'pbx: this version is broken' > /dev/kmsg\nsleep 1\nreboot -f\n")
        if self.o.broken == "daemon":
            (r / "usr/bin/pbxd").write_text("#!/bin/sh\necho 'this version is broken' >&2\nexit 1\n")
        for path in r.rglob("*"):
            if not path.is_symlink():
                os.chmod(path, path.stat().st_mode & 0o755)

    def read_ahead(self):
        """The files that pbxd's start reads, for `start` to fetch early: the program and what it links; not ICU, of which little is used."""
        found, todo = [], ["usr/bin/pbxd"]
        places = ("usr/lib/swift", f"usr/lib/{MULTIARCH}", "usr/lib")
        while todo:
            path = todo.pop(0)
            if path not in found:
                found.append(path)
                for name in re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", self.root / path)):
                    todo += [f"{p}/{name}" for p in places if (self.root / p / name).exists()][:1]
        (self.root / "usr/lib/pbx/readahead").write_text("".join(f"/{p}\n" for p in found if "ICU" not in p))

    def button(self):
        button = self.board["button"]
        return button if button == "none" else f"{button['input']}:{button['key']}"

    def settings(self):
        b, r = self.board, self.root
        lines = [f"name={b['name']}", f"network={b['network']}", f"serial={b['serial']}", f"led={b['led']}", f"button={self.button()}", f"thermal={b['thermal']}",
                 f"watchdog={b['watchdog']['device']}", f"watchdog_seconds={b['watchdog']['seconds']}", f"version={self.o.version}", "update=/hal/data/update"]
        (r / "etc/pbx/board").write_text("".join(line.replace("=none", "=") + "\n" for line in lines))
        (r / "etc/pbx/release").write_text(f"version={self.o.version}\nboard={b['name']}\ncompatible={b['compatible']}\nbuilt={self.epoch}\n")
        device = "/run/pbx/slot"  # links that `update` makes: no device name of this or that board
        slots = "".join(
            f"[slot.rootfs.{i}]\ndevice={device}/root{s}\ntype=raw\nbootname={s}\n[slot.kernel.{i}]\ndevice={device}/kernel{s}\ntype=raw\nparent=rootfs.{i}\n"
            for i, s in enumerate("AB"))
        (r / "etc/rauc/system.conf").write_text(
            f"[system]\ncompatible={b['compatible']}\nbootloader=uboot\nbundle-formats=verity\nmin-bundle-version={self.o.version}\n"
            f"data-directory=/hal/data/install/rauc\nmountprefix=/run/rauc\n[keyring]\npath=/etc/rauc/ca.pem\n" + slots)
        shutil.copyfile(self.o.update_ca, r / "etc/rauc/ca.pem")

    def modules(self, names, target, besides=()):
        """The kernel modules with what they need, unpacked, and the order to insert them in."""
        def files(module):
            shown = subprocess.run(["modprobe", "-d", self.kernel_tree / "usr", "-S", self.kernel_version, "--show-depends", module], capture_output=True, text=True)
            return [line.split()[1] for line in shown.stdout.splitlines() if line.startswith("insmod ")]
        have = {f for m in besides for f in files(m)}
        order = []
        for module in names:
            order += [f for f in files(module) if f not in have and f not in order]
        target.mkdir(parents=True, exist_ok=True)
        for f in order:
            data = pathlib.Path(f).read_bytes()
            name = os.path.basename(f).removesuffix(".xz")
            (target / name).write_bytes(lzma.decompress(data) if f.endswith(".xz") else data)
        (target / "order").write_text("".join(os.path.basename(f).removesuffix(".xz") + "\n" for f in order))

    def strip(self):
        chroot = self.work / "chroot"
        scratch = chroot / "tmp/strip"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        for f in sorted(p for p in (self.root / "usr").rglob("*") if p.is_file() and not p.is_symlink() and p.suffix != ".ko"):
            with open(f, "rb") as stream:
                if stream.read(4) != b"\x7fELF":
                    continue
            if re.search(r" \.(symtab|debug_info)", run("readelf", "-S", f)):
                shutil.copyfile(f, scratch / "in")
                run("chroot", chroot, "/usr/libexec/swift/bin/llvm-objcopy", "--strip-all", "/tmp/strip/in", "/tmp/strip/out")
                shutil.copyfile(scratch / "out", f)
        shutil.rmtree(scratch)

    def squash(self):
        target = self.out / "rootfs.squashfs"
        target.unlink(missing_ok=True)
        environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
        run("mksquashfs", self.root, target, "-comp", "zstd", "-Xcompression-level", "3" if self.o.quick else "22", "-b", "1M", "-all-root", "-noappend", "-quiet", "-no-progress",
            "-no-xattrs", "-mkfs-time", self.epoch, "-all-time", self.epoch, "-reproducible", env=environment)
        size = (target.stat().st_size + 4095) // 4096 * 4096
        os.truncate(target, size)
        image = self.out / "rootfs.img"
        shutil.copyfile(target, image)
        salt = hashlib.sha256(f"{self.board['name']} {self.o.version}".encode()).hexdigest()
        shown = run("veritysetup", "format", image, image, "--no-superblock", "--data-block-size=4096", "--hash-block-size=4096", f"--data-blocks={size // 4096}",
                    f"--hash-offset={size}", f"--salt={salt}", f"--uuid={self.uuid('verity')}")
        root_hash = re.search(r"Root hash:\s*([0-9a-f]{64})", shown).group(1)
        text = f"slot_verity={root_hash},{salt},{size // 4096}\n"
        if self.own_kernel:  # which opens its root file system itself, by these
            text += f"slot_sectors={size // 512}\nslot_blocks={size // 4096}\nslot_hash={root_hash}\nslot_salt={salt}\n"
        (self.out / "slot.env").write_text(text)
        limit = self.board["partitions_mib"]["root"] * MIB
        if image.stat().st_size > limit:
            sys.exit(f"error: the root file system takes {image.stat().st_size} bytes, its partition has {limit}")

    # --- kernel slot

    def make_initramfs(self):
        if self.own_kernel:
            (self.out / "initramfs.zst").unlink(missing_ok=True)
            return
        i = self.initramfs
        for d in ("bin", "dev", "proc", "sys", "newroot", "mod", f"usr/lib/{MULTIARCH}"):
            (i / d).mkdir(parents=True)
        (i / "lib").symlink_to("usr/lib")
        self.put(self.packages.pool / "usr/bin/busybox", "bin/busybox", 0o755, i)
        (i / "bin/sh").symlink_to("busybox")
        self.put(self.packages.pool / "usr/sbin/dmsetup", "bin/dmsetup", 0o755, i)
        self.put(self.packages.pool / "usr/lib/ld-linux-aarch64.so.1", "usr/lib/ld-linux-aarch64.so.1", 0o755, i)
        self.libraries(i / "bin/dmsetup", i)
        self.modules(self.board["modules"]["early"], i / "mod")
        self.put(HERE / "initramfs-init", "init", 0o755, i)
        for path in [i, *i.rglob("*")]:
            os.utime(path, (self.epoch, self.epoch), follow_symlinks=False)
        names = "\0".join(sorted(str(p.relative_to(i)) for p in i.rglob("*"))) + "\0"
        archive = subprocess.run(["cpio", "-o", "-0", "-H", "newc", "--quiet", "--reproducible", "-R", "0:0"], input=names.encode(), cwd=i, capture_output=True, check=True).stdout
        (self.stage / "initrd").write_bytes(archive)
        run("zstd", "-q", "-19", "-f", self.stage / "initrd", "-o", self.out / "initramfs.zst")

    def make_kernel(self):
        kernel = self.kernel_image.read_bytes()
        (self.out / "vmlinuz").write_bytes(kernel)
        (self.stage / "Image.gz").write_bytes(gzip.compress(kernel, 1 if self.o.quick else 9, mtime=0))
        files = [(self.stage / "Image.gz", "Image.gz"), (self.out / "slot.env", "slot.env")]
        if not self.own_kernel:
            files.append((self.out / "initramfs.zst", "initrd.zst"))
        if self.board["device_tree"] != "none":
            files.append((self.kernel_tree / f"usr/lib/linux-image-{self.kernel_version}" / self.board["device_tree"], "board.dtb"))
        self.fat(self.out / "kernel.img", self.board["partitions_mib"]["kernel"], "KERNEL", files)

    def fat(self, target, mib, label, files):
        target.unlink(missing_ok=True)
        with open(target, "wb") as stream:
            stream.truncate(mib * MIB)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(self.epoch), "TZ": "UTC"}
        volume = hashlib.sha256(f"{label}{self.board['name']}".encode()).hexdigest()[:8]
        run("mkfs.vfat", "--invariant", "-i", volume, "-n", label, target, env=environment)
        for source, name in files:
            staged = self.stage / f"fat-{name}"
            shutil.copyfile(source, staged)
            os.utime(staged, (self.epoch, self.epoch))
            run("mcopy", "-m", "-i", target, staged, f"::{name}", env=environment)

    # --- disk

    def layout(self):
        """[(name, first sector, sectors)]"""
        sizes = self.board["partitions_mib"]
        at, table = self.board["partition_start_mib"] * MIB, []
        for name in ("boot", "env", "kernelA", "rootA", "kernelB", "rootB", "factory", "configuration", "data"):
            size = sizes[re.sub("[AB]$", "", name)] * MIB
            table.append((name, at // 512, size // 512))
            at += size
        return table, at + MIB

    def make_disk(self):
        table, size = self.layout()
        place = {name: first for name, first, _ in table}
        text = (HERE / "boot.cmd").read_text().replace("@ENV_SECTOR@", f"0x{place['env']:x}").replace("@CONSOLE@", self.board["console"])
        text = text.replace("@ARGUMENTS@", self.board.get("kernel_arguments", ""))
        script = self.stage / "boot.cmd"
        script.write_text(text.replace("@DTB@", "" if self.board["device_tree"] == "none" else "board.dtb"))
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(self.epoch)}
        run("mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-n", "boot", "-d", script, self.stage / "boot.scr", env=environment)
        files = [(self.stage / "boot.scr", "boot.scr")]
        u_boot, firmware = self.board["u_boot"], self.board["boot_firmware"]
        if u_boot["place"] == "boot":
            files.append((self.packages.pool / u_boot["file"].lstrip("/"), "u-boot.bin"))
            (self.stage / "config.txt").write_text(self.board["config_txt"])
            files.append((self.stage / "config.txt", "config.txt"))
        if u_boot["place"] == "bios":
            shutil.copyfile(self.packages.pool / u_boot["file"].lstrip("/"), self.out / "u-boot.bin")
        if firmware != "none":
            directory = self.firmware(firmware)
            files += [(directory / name, name) for name in firmware["files"]]
            files.append((self.kernel_tree / f"usr/lib/linux-image-{self.kernel_version}" / self.board["device_tree"], os.path.basename(self.board["device_tree"])))
        self.fat(self.out / "boot.img", self.board["partitions_mib"]["boot"], "BOOT", files)
        disk = self.out / "disk.img"
        disk.unlink(missing_ok=True)
        with open(disk, "wb") as stream:
            stream.truncate(size)
        lines = [f"label: gpt\nlabel-id: {self.uuid('disk')}\nunit: sectors\nfirst-lba: 34\n"]
        lines += [f"start={first}, size={sectors}, type={TYPES.get(name, LINUX)}, uuid={self.uuid(name)}, name={name}\n" for name, first, sectors in table]
        run("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", disk, input="".join(lines))
        self.write(disk, place["boot"], self.out / "boot.img")
        self.write(disk, place["kernelA"], self.out / "kernel.img")
        self.write(disk, place["rootA"], self.out / "rootfs.img")
        body = b"BOOT_ORDER=A B\0BOOT_A_LEFT=3\0BOOT_B_LEFT=0\0\0".ljust(508, b"\0")
        with open(disk, "r+b") as stream:
            stream.seek(place["env"] * 512)
            stream.write(struct.pack("<I", zlib.crc32(body)) + body)
            if self.board["table"] == "hybrid":
                # A first stage that knows no GPT finds the boot partition (type 0x0c) behind the protective entry.
                first, sectors = place["boot"], table[0][2]
                stream.seek(446 + 16)
                stream.write(struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x0C, b"\xfe\xff\xff", first, sectors))
        for name in ("configuration", "data"):
            self.ext4(disk, name, place[name], self.board["partitions_mib"][name])
        (self.out / "layout.json").write_text(json.dumps({name: [first * 512, sectors * 512] for name, first, sectors in table}, indent=1) + "\n")

    def firmware(self, firmware):
        """The board's closed first stage, from the archive's component that has it."""
        target = self.work / "img-debs" / firmware["package"]
        if not list(target.glob("*.deb")):
            run("bash", "-c", f'. "{HERE}/lib.sh"; COMPONENTS="main {firmware["component"]}"; fetch_only trixie arm64 "{target}" {firmware["package"]}',
                env={**os.environ, "WORK": str(self.work)})
        deb = sorted(target.glob("*.deb"))[-1]
        self.used["/boot/" + firmware["files"][0]] = self.packages.index(deb)
        run("dpkg-deb", "-x", deb, self.stage / "firmware")
        return self.stage / "firmware" / firmware["directory"].lstrip("/")

    @staticmethod
    def write(disk, sector, source):
        with open(source, "rb") as data, open(disk, "r+b") as stream:
            stream.seek(sector * 512)
            while block := data.read(MIB):
                if block.count(0) == len(block):
                    stream.seek(len(block), 1)
                else:
                    stream.write(block)

    def ext4(self, disk, name, sector, mib):
        image = self.stage / f"{name}.ext4"
        with open(image, "wb") as stream:
            stream.truncate(mib * MIB)
        run("mkfs.ext4", "-q", "-F", "-L", name, "-m", "0", "-U", self.uuid(f"{name}-fs"), "-E", f"hash_seed={self.uuid(f'{name}-hash')},lazy_itable_init=1,root_owner=900:900",
            image, env={**os.environ, "E2FSPROGS_FAKE_TIME": str(self.epoch), "SOURCE_DATE_EPOCH": str(self.epoch)})
        self.write(disk, sector, image)

    # --- what is in it

    def account(self):
        """Bytes by component, uncompressed and as they would be compressed alone."""
        groups = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            name = "/" + str(path.relative_to(self.root))
            owner = self.used.get(name) or ("linux (modules)" if name.endswith(".ko") else "configuration and scripts")
            data = path.read_bytes()
            entry = groups.setdefault(owner, [0, 0])
            entry[0] += len(data)
            entry[1] += len(subprocess.run(["zstd", "-q", "-9", "-c"], input=data, capture_output=True).stdout)
        sizes = {n: (self.out / n).stat().st_size for n in ("rootfs.squashfs", "rootfs.img", "initramfs.zst", "vmlinuz") if (self.out / n).exists()}
        sizes["Image.gz"] = (self.stage / "Image.gz").stat().st_size
        (self.out / "contents.json").write_text(json.dumps({"board": self.board["name"], "version": self.o.version, "files": sizes, "components": groups}, indent=1) + "\n")

    def make(self):
        for step in (self.gather, self.make_root, self.squash, self.make_initramfs, self.make_kernel, self.make_disk):
            step()
        if not self.o.quick:
            self.account()
        write_sbom(self, TREE)
        names = ["rootfs.img", "kernel.img", "disk.img", "slot.env", "sbom.cdx.json"]
        sums = {}
        for name in names:
            with open(self.out / name, "rb") as stream:
                sums[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        (self.out / "SHA256SUMS").write_text("".join(f"{sums[n]}  {n}\n" for n in names))
        for d in (self.stage, self.initramfs):
            shutil.rmtree(d, ignore_errors=True)
        print(f"  {self.board['name']} {self.o.version}: root file system {(self.out / 'rootfs.squashfs').stat().st_size / MIB:.1f} MiB, "
              f"disk.img sha256 {sums['disk.img']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True)
    parser.add_argument("--board", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out")
    parser.add_argument("--update-ca", required=True, help="PEM of the authority whose bundles the image takes")
    parser.add_argument("--epoch", type=int, default=int(os.environ.get("SOURCE_DATE_EPOCH", 0)) or int(run("git", "-C", TREE, "log", "-1", "--format=%ct")))
    parser.add_argument("--break", dest="broken", choices=["init", "daemon"], help="for tests: a version that does not work")
    parser.add_argument("--quick", action="store_true", help="for tests: compress less, account for nothing")
    options = parser.parse_args()
    if not re.fullmatch(r"\d+\.\d+\.\d+", options.version):
        sys.exit("error: a version is X.Y.Z")
    known = sorted(p.parent.name for p in (TREE / "hw/boards").glob("*/board.yaml") if p.parent.name != "process")
    if options.board not in known:
        sys.exit(f"error: no board '{options.board}'; there are {', '.join(known)}")
    Image(options).make()


if __name__ == "__main__":
    main()
