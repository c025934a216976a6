#!/usr/bin/env python3
"""Measures start-up and idle memory of pbxd beside Asterisk's, the cost of a packet in the media core, and the simulator's speed.

  bench.py --bin .build/release [--only startup,media,simulator] [--runs 5] [--no-peer]

Everything runs on loopback, has a time limit and is ended by its pid. Rounds of pbxd and peer alternate, so that both meet
the same machine. Asterisk runs from a Debian sid chroot under $PEERS_ROOT (default: peers in the temporary directory), made
on the first run by Benchmarks/peers/setup-peers.sh, which needs root and debootstrap; without them pbxd is measured alone.
Prints tables and, last, one line `FIGURES kind name key=value ...` each; spreads are min/median/max."""
import argparse
import contextlib
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from harness import Failed, Program, Story, fail, require, run

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "Benchmarks" / "peers"
PROBE = ROOT / "Benchmarks" / "relay-probe"
USERS = range(1001, 1051)  # as many as the peer's configuration has
IDLE_SECONDS = 3
START_LIMIT = 60
CONFIG = """appliance: {{ edition: next }}
sip:
  listen:
    - {{ transport: udp, address: 127.0.0.1, port: {port} }}
    - {{ transport: tcp, address: 127.0.0.1, port: {port} }}
    - {{ transport: tls, address: 127.0.0.1, port: 0 }}
  protection: {{ enabled: true }}
media: {{ address: 127.0.0.1, ports: 16384-17383 }}
https: {{ listen: {{ address: 127.0.0.1, port: 0 }} }}
features: {{ echo: "600" }}
users:
"""


def say(text=""):
    print(text, flush=True)


def aloud(text):
    say(f"\n*** {text} ***\n")


def spread(values, digits):
    """min/median/max; "n/a" of nothing."""
    values = [v for v in values if v is not None]
    return "/".join(f"{f(values):.{digits}f}" for f in (min, statistics.median, max)) if values else "n/a"


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.lower().startswith("model name")), platform.machine())
    memory = int(re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo").read()).group(1)) / 2 ** 20
    return f"{model}, {os.cpu_count()} cores, {memory:.1f} GiB, Linux {platform.release()}, load {os.getloadavg()[0]:.2f}"


class TimedProgram(Program):
    """Knows when it was started and when it printed its ready line."""

    def __init__(self, *arguments, **options):
        self.started, self.ready = time.monotonic(), None
        super().__init__(*arguments, **options)

    def _read(self):
        for raw in self.process.stdout:
            if self.ready is None and raw.startswith(b'{"event":"ready"'):
                self.ready = time.monotonic()


def ask(address, since, program):
    """Sends OPTIONS until a final answer below 500 comes; milliseconds since then, and the status."""
    sequence = 0
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.connect(address)  # a closed port then says so at once
        sock.settimeout(0.005)
        host, port = sock.getsockname()
        while time.monotonic() - since < START_LIMIT:
            sequence += 1
            request = [f"OPTIONS sip:{address[0]}:{address[1]} SIP/2.0", f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKb{port}x{sequence};rport",
                       "Max-Forwards: 70", f"From: <sip:bench@{host}>;tag=b{sequence}", f"To: <sip:{address[0]}>", f"Call-ID: {port}-{sequence}@bench",
                       "CSeq: 1 OPTIONS", f"Contact: <sip:bench@{host}:{port}>", "Content-Length: 0", "", ""]
            try:
                sock.send("\r\n".join(request).encode())
                status = int(sock.recv(4096).split()[1])
                if 200 <= status < 500:
                    return (time.monotonic() - since) * 1000, status
            except (TimeoutError, ConnectionError):
                require(program.process.poll() is None, f"{program.name} ended ({program.process.returncode}) before it answered\n{program.tail()}")
                time.sleep(0.001)
    raise Failed(f"{program.name} answered no OPTIONS within {START_LIMIT} s\n{program.tail()}")


def free_port():
    """A port that is free for UDP and TCP alike."""
    for _ in range(50):
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp, contextlib.closing(socket.socket()) as tcp:
            udp.bind(("127.0.0.1", 0))
            try:
                tcp.bind(udp.getsockname())
                return udp.getsockname()[1]
            except OSError:
                continue
    raise Failed("found no port that is free for UDP and TCP")


class Bench(Story):
    def __init__(self, options):
        super().__init__()
        self.options, self.bin, self.figures = options, pathlib.Path(options.bin), []
        os.environ["BENCH_OUT"] = str(self.directory / "peers-out")  # where peerlib puts scratch files
        sys.path.insert(0, str(PEERS))
        import peerlib
        self.accounting = peerlib

    def figure(self, kind, name, **values):
        self.figures.append(f"FIGURES {kind} {name} " + " ".join(f"{k}={v}" for k, v in values.items()))

    def need(self, name):
        path = self.bin / name
        require(path.is_file(), f"{path} is missing; build it (make bench), or name its folder with --bin")
        return path

    # --- start-up and idle memory

    def startup(self):
        servers = {"pbxd": self.pbxd_command()}
        servers.update(self.peer_commands())
        first = self.round("pbxd", *servers["pbxd"])  # makes database and keys, once in an appliance's life
        rounds = {name: [] for name in servers}
        for number in range(self.options.runs):
            for name, command in list(servers.items()):
                try:
                    rounds[name].append(self.round(name, *command))
                except Failed as error:
                    if name == "pbxd":
                        raise
                    aloud(f"{name} is left out: {error}")
                    del servers[name], rounds[name]
            say(f"start-up round {number + 1} of {self.options.runs}: "
                + ", ".join(f"{name} {rows[-1]['answered_ms']:.0f} ms, PSS {rows[-1]['pss_mib']:.1f} MiB" for name, rows in rounds.items()))
        rows = [("answered_ms", "start to first answered OPTIONS, ms", 0), ("ready_ms", "start to ready line, ms", 0), ("cpu_s", "CPU until then, s", 2),
                ("rss_mib", f"RSS after {IDLE_SECONDS} s, MiB", 1), ("pss_mib", f"PSS after {IDLE_SECONDS} s, MiB", 1)]
        peers = [name for name in servers if name != "pbxd"]
        say("\n" + f"{'min/median/max of ' + str(self.options.runs) + ' runs':38}{'pbxd':>20}" + "".join(f"{name:>20}{'ratio':>8}" for name in peers))
        for key, label, digits in rows:
            own = [r[key] for r in rounds["pbxd"]]
            line = f"{label:38}{spread(own, digits):>20}"
            for name in peers:
                theirs = [r[key] for r in rounds[name] if r[key] is not None]
                ratio = f"{statistics.median(theirs) / statistics.median(own):.1f}" if theirs and statistics.median(own) else "-"
                line += f"{spread(theirs, digits):>20}{ratio:>8}"
            say(line)
        say(f"very first start, which makes database and keys: {first['answered_ms']:.0f} ms\n")
        for name in servers:
            values = {key: spread([r[key] for r in rounds[name]], digits) for key, _, digits in rows}
            if name == "pbxd":
                values["first_ever_ms"] = f"{first['answered_ms']:.0f}"
            self.figure("startup", name, runs=self.options.runs, **{k: v for k, v in values.items() if v != "n/a"})

    def pbxd_command(self):
        port, config = free_port(), self.directory / "bench.yaml"
        users = "".join(f'  - {{ extension: "{u}", name: "User {u}", password: "secret{u}-for-the-bench" }}\n' for u in USERS)
        config.write_text(CONFIG.format(port=port) + users)
        return [self.need("pbxd"), "run", "--config", config, "--data", self.directory / "data"], port

    def peer_commands(self):
        """Asterisk with the modules a PBX needs (trim) and as Debian configures it (full); empty when it cannot run here."""
        if self.options.no_peer:
            return {}
        root = pathlib.Path(os.environ.get("PEERS_ROOT", pathlib.Path(tempfile.gettempdir()) / "peers"))
        chroot = root / "sid"
        missing = "root" if os.geteuid() != 0 else "debootstrap" if not (chroot / ".ready").exists() and not shutil.which("debootstrap") else None
        if missing:
            aloud(f"no {missing}: Asterisk cannot be measured beside pbxd, which is measured alone")
            return {}
        if not (chroot / ".ready").exists():
            say(f"making Asterisk's chroot under {root} (about two minutes)")
            done = run([PEERS / "setup-peers.sh", "sid"], check=False, environment={"PEERS_ROOT": str(root)}, timeout=900)
            if done.returncode != 0:
                aloud(f"setup-peers.sh failed, so pbxd is measured alone: {done.stderr.strip().splitlines()[-1:]}")
                return {}
        say(run(["chroot", chroot, "/usr/sbin/asterisk", "-V"]).strip() + f" from {chroot}")
        found = {}
        for mode in ("trim", "full"):
            port, folder = free_port(), f"/etc/pbx-bench-{mode}"
            shutil.rmtree(f"{chroot}{folder}", ignore_errors=True)
            run([PEERS / "conf" / "gen-asterisk.sh", f"{chroot}{folder}", mode, port], environment={"AST_ETC": folder})
            found[f"asterisk-{mode}"] = (["chroot", chroot, "/usr/sbin/asterisk", "-f", "-C", f"{folder}/asterisk.conf"], port)
        return found

    def round(self, name, command, port):
        program = TimedProgram(name, command, self.directory / f"{name}.log")
        self.programs.append(program)
        answered, _ = ask(("127.0.0.1", port), program.started, program)
        cpu = self.accounting.cpu([program.process.pid])
        time.sleep(IDLE_SECONDS)
        rss, pss = self.accounting.rss_mb([program.process.pid])
        require(program.terminate(timeout=20) == 0 or name != "pbxd", f"pbxd did not end with status 0\n{program.tail()}")
        return {"answered_ms": answered, "ready_ms": (program.ready - program.started) * 1000 if program.ready else None,
                "cpu_s": cpu, "rss_mib": rss, "pss_mib": pss}

    # --- a packet in the media core

    def media(self):
        scratch = pathlib.Path(self.options.probe_scratch or self.bin.parent / "relay-probe")
        say(f"building the relay probe (release) in {scratch}")
        run(["swift", "build", "-c", "release", "--package-path", PROBE, "--scratch-path", scratch], timeout=1200)
        done = run([scratch / "release" / "relayprobe"], check=False, timeout=300)
        lines = [line for line in done.stdout.splitlines() if line.startswith("FIGURES ")]
        require(lines, f"the relay probe printed no figures\n{done.stdout}{done.stderr}")
        say(f"\n{'one packet, without sockets':27}{'ns':>22}{'codecs alone, ns':>24}{'allocations':>14}{'retains':>10}{'releases':>10}")
        for line in lines:
            _, _, name, *pairs = line.split()
            values = dict(pair.split("=", 1) for pair in pairs)
            say(f"{name:27}{values['ns_per_packet']:>22}{values['codec_ns_per_packet']:>24}{values['allocations_per_packet']:>14}"
                f"{values['retains_per_packet']:>10}{values['releases_per_packet']:>10}")
        say()
        self.figures += lines
        require(done.returncode == 0, f"relay probe: {done.stderr.strip()}")

    # --- the simulator

    def simulator(self):
        pattern = r"(\d+) passed, (\d+) failed; ([\d.]+) seeds/s, ([\d.]+) simulated seconds per second"
        seeds, simulated = [], []
        for _ in range(3):
            done = run([self.need("pbxsim"), "sweep", "--seeds", f"1..{self.options.seeds}", "--jobs", "1"], check=False, timeout=600)
            found = re.search(pattern, done.stdout)
            require(found, f"pbxsim sweep printed no rate\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
            require(found[2] == "0" and done.returncode == 0, f"pbxsim: {found[2]} seeds failed\n{done.stdout[-2000:]}")
            seeds.append(float(found[3]))
            simulated.append(float(found[4]))
        say(f"simulator, one thread, seeds 1..{self.options.seeds}: {spread(seeds, 1)} seeds/s, {spread(simulated, 0)} simulated seconds per second\n")
        self.figure("simulator", "pbxsim", seeds=self.options.seeds, jobs=1, seeds_per_s=spread(seeds, 1), simulated_s_per_s=spread(simulated, 0))


SECTIONS = {"startup": Bench.startup, "media": Bench.media, "simulator": Bench.simulator}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder with pbxd and pbxsim, built for release")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas (default: all)")
    parser.add_argument("--runs", type=int, default=5, help="start-up rounds (default 5)")
    parser.add_argument("--seeds", type=int, default=40, help="seeds of a simulator sweep (default 40)")
    parser.add_argument("--no-peer", action="store_true", help="measure pbxd without Asterisk")
    parser.add_argument("--probe-scratch", help="where the relay probe is built (default: beside --bin)")
    options = parser.parse_args()
    sections = options.only.split(",")
    if unknown := [s for s in sections if s not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    if options.runs < 1 or options.seeds < 1:
        parser.error("--runs and --seeds count from 1")
    bench, status = Bench(options), 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended below
    say(machine() + "\n")
    noise = bench.accounting.Noise()
    try:
        for section in sections:
            try:
                SECTIONS[section](bench)
            except (Failed, subprocess.TimeoutExpired, OSError) as error:
                status = fail(f"{section}: {error}")
        bench.figure("machine", "during", **noise.end())
    except KeyboardInterrupt:
        status = 130
    finally:
        bench.end()
    say("\n".join(bench.figures))
    return status


if __name__ == "__main__":
    sys.exit(main())
