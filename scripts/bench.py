#!/usr/bin/env python3
"""Measures pbxd beside its peers: start-up and idle memory, CPU per registration and per call, memory per 1,000 bindings; then the
cost of a packet in the media core and the simulator's speed.

  bench.py --bin .build/release [--only startup,registrations,calls,bindings,media,simulator] [--runs 5] [--no-peer]

Everything runs on loopback, has a time limit and is ended by its pid. Rounds of pbxd and peer alternate, so that both meet
the same machine. Asterisk (Debian sid), Kamailio and rtpengine (bookworm) run from chroots under $PEERS_ROOT (default: peers in the temporary directory), made
on the first run by Benchmarks/peers/setup-peers.sh, which needs root and debootstrap; without them pbxd is measured alone.
Prints tables and, last, one line `FIGURES kind name key=value ...` each; spreads are min/median/max."""
import argparse
import contextlib
import json
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

from harness import Failed, Program, Story, fail, free_port, require, run

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "Benchmarks" / "peers"
PROBE = ROOT / "Benchmarks" / "relay-probe"
USERS = range(1001, 1051)  # as many as the peer's configuration has
IDLE_SECONDS = 3
START_LIMIT = 60
CONFIG = """appliance: {{ edition: flex }}
sip:
  listen:
    - {{ transport: udp, address: 127.0.0.1, port: {port} }}
    - {{ transport: tcp, address: 127.0.0.1, port: {port} }}
    - {{ transport: tls, address: 127.0.0.1, port: 0 }}
  protection: {{ enabled: {protection} }}
media: {{ address: 127.0.0.1, ports: 16384-28671 }}
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
        config.write_text(CONFIG.format(port=port, protection="true") + users)
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

    # --- CPU per registration and per call, memory per binding

    @contextlib.contextmanager
    def loaded(self, users):
        """A pbxd for SIPp to load, and what side_by_side.py must know of it. One address sends everything, so its limit per address is off."""
        port, config, data = free_port(), self.directory / "loaded.yaml", tempfile.mkdtemp(prefix="loaded-", dir=self.directory)
        rows = "".join(f'  - {{ extension: "{u}", name: "User {u}", password: "secret{u}-for-the-bench" }}\n' for u in users)
        config.write_text(CONFIG.format(port=port, protection="false") + rows)
        program = TimedProgram("pbxd", [self.need("pbxd"), "run", "--config", config, "--data", data], self.directory / "loaded.log")
        self.programs.append(program)
        ask(("127.0.0.1", port), program.started, program)
        program.target, program.data = f"127.0.0.1:{port}", data
        program.spec = (f"name=pbxd,target=127.0.0.1:{port},pid={program.process.pid},callers=1001-1025,callees=1026-1050,"
                        "password=secret{user}-for-the-bench,domain=pbx.example")
        try:
            yield program
            self.loop_turns(program)
        finally:
            require(program.terminate(timeout=40) == 0, f"pbxd did not end with status 0\n{program.tail()}")

    def loop_turns(self, program):
        """The control loop's longest turns under the load just ended, as `pbxctl status` tells them."""
        loop = json.loads(run([self.need("pbxctl"), "status", "--data", program.data, "--json"]))["loop"]
        say(f"control loop under this load: {loop['turns']} turns, p50 {loop['p50']:.3f} ms, p99 {loop['p99']:.3f} ms, p99.9 {loop['p999']:.3f} ms, "
            f"longest {loop['longest']:.1f} ms\n")
        self.figure("loop", "pbxd", turns=loop["turns"], p50_ms=f"{loop['p50']:.3f}", p99_ms=f"{loop['p99']:.3f}", p999_ms=f"{loop['p999']:.3f}",
                    longest_ms=f"{loop['longest']:.2f}")

    def peers_root(self, *suites):
        """The peers' chroots, made when they are missing; None, said aloud, where that is not possible."""
        root = pathlib.Path(os.environ.get("PEERS_ROOT", pathlib.Path(tempfile.gettempdir()) / "peers"))
        for suite in suites:
            if (root / suite / ".ready").exists():
                continue
            if os.geteuid() != 0 or not shutil.which("debootstrap"):
                aloud("no root or no debootstrap: peers cannot be measured beside pbxd")
                return None
            say(f"making the peers' chroot {root / suite} (about two minutes)")
            run([PEERS / "setup-peers.sh", suite], environment={"PEERS_ROOT": str(root)}, timeout=900)
        return root

    def beside(self, load, peers, *more):
        """The same load on pbxd and each peer, turn and turn about; prints the tables and keeps the ratio lines."""
        root = None if self.options.no_peer else self.peers_root("bookworm", "sid")
        require(root, f"{load} is a comparison and needs its peers")
        for peer in peers:
            with self.loaded(USERS) as ours:
                done = run([sys.executable, PEERS / "side_by_side.py", "--bench", load, "--ours", ours.spec, "--peer", peer, "--rounds",
                            self.options.runs, "--", *more], check=False, timeout=2400, environment={"PEERS_ROOT": str(root)})
                say(done.stdout.rstrip())
                self.figures += [line for line in done.stdout.splitlines() if line.startswith("FIGURES ")]
                require(done.returncode == 0, f"{load} beside {peer}: exit {done.returncode}\n{done.stderr[-1500:]}")

    def registrations(self):
        self.beside("register", ("kamailio", "asterisk"), "--count", self.options.registrations)

    def calls(self):
        self.beside("calls", ("asterisk", "kamailio+rtpengine"), "--rate", 60, "--count", 480)

    def bindings(self):
        """PSS before and after 1,000 bindings (200 users, five Contacts each; an edition has no more than 250 users)."""
        users, rows = range(1001, 1201), {}
        with self.loaded(users) as ours:
            rows["pbxd"] = self.fill(ours.target, ours.process.pid, users, "secret{user}-for-the-bench")
        root = None if self.options.no_peer else self.peers_root("bookworm", "sid")
        for peer in ("kamailio", "asterisk") if root else ():
            environment = {"PEERS_ROOT": str(root), "AST_LAST": "1200", "AST_CONTACTS": "5", "AST_PORT": "5160", "KAM_PORT": "5170"}
            pid = int(run([PEERS / "peers.sh", "start", peer], environment=environment).split()[-1])
            try:
                time.sleep(3)
                rows[peer] = self.fill(f"127.0.0.1:{5160 if peer == 'asterisk' else 5170}", pid, users, "secret{user}")
            finally:
                run([PEERS / "peers.sh", "stop", peer], environment=environment)
        say(f"{'memory of 1,000 bindings':28}{'PSS before, MiB':>18}{'after':>10}{'KiB a binding':>16}")
        for name, (before, after) in rows.items():
            say(f"{name:28}{before:18.1f}{after:10.1f}{(after - before) * 1024 / 1000:16.2f}")
            self.figure("bindings", name, bindings=1000, pss_before_mib=f"{before:.1f}", pss_after_mib=f"{after:.1f}")
        say()

    def fill(self, target, pid, users, password):
        options = argparse.Namespace(target=target, domain="pbx.example" if "bench" in password else None, local="127.0.0.1", password=password)
        before = self.accounting.rss_mb([pid])[1]
        agent = self.accounting.Ua(options)
        try:
            refused = [u for port in range(30_000, 30_010, 2) for u in users if not agent.register(str(u), port)]
        finally:
            agent.close()
        require(not refused, f"{target} refused {len(refused)} registrations, the first of {refused[:3]}")
        time.sleep(1)
        return before, self.accounting.rss_mb([pid])[1]

    # --- a packet in the media core

    def media(self):
        scratch = pathlib.Path(self.options.probe_scratch or self.bin.parent / "relay-probe")
        say(f"building the relay probe (release) in {scratch}")
        # Optimised as the product is: over the borders of modules other copies are made, or not made.
        run(["swift", "build", "-c", "release", "--package-path", PROBE, "--scratch-path", scratch, "-Xswiftc", "-cross-module-optimization"], timeout=1200)
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


SECTIONS = {"startup": Bench.startup, "registrations": Bench.registrations, "calls": Bench.calls, "bindings": Bench.bindings,
            "media": Bench.media, "simulator": Bench.simulator}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder with pbxd and pbxsim, built for release")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas (default: all)")
    parser.add_argument("--runs", type=int, default=5, help="start-up rounds (default 5)")
    parser.add_argument("--registrations", type=int, default=6000, help="registrations in a round's closed loop (default 6000)")
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
