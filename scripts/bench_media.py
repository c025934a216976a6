#!/usr/bin/env python3
"""Measures the media engine beside what it is held to: the bare C relay, libopus alone, rtpengine and Asterisk.

  bench_media.py --bin .build/release [--only relay,transcode,mix,allocations,memory] [--rounds 5] [--seconds 8] [--no-peer]

One run: rounds alternate between all sides, so that all meet the same machine; a ratio is taken within its round, then
min/median/max over the rounds. Everything runs on loopback, has a time limit and is ended by its pid. The load and its check
are rtpgen's (Benchmarks/peers). pbxd is the real program with its calls set up by SIP; `engine` is its media engine alone
(Benchmarks/relay-probe); peers run from chroots under $PEERS_ROOT as bench.py says. The last lines are for programs to
read, `FIGURES kind name key=value ...`; the very last holds every ratio beside its target."""
import argparse
import contextlib
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import bench
from harness import Failed, end_on_signals, fail, free_port, require, run

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = bench.PEERS
ADDRESS = "127.0.77.1"  # of our own side, so that nothing else on the machine meets it
CALLERS, CALLEES = range(1001, 1031), range(1031, 1061)
CONFIG = """appliance: {{ edition: flex }}
sip:
  listen: [ {{ transport: udp, address: {address}, port: {port} }} ]
  protection: {{ enabled: false }}
  calls: {calls}
media: {{ address: {address}, ports: 10000-15999, opus_complexity: 5, cpu_share: 100, realtime: false }}
users:
"""
# what, better than; the order says so
TARGETS = {"relay_cpu_vs_bare": 1.3, "relay_cpu_vs_rtpengine": 0.6, "transcode_cpu_vs_libopus_and_relay": 1.15, "transcode_cpu_vs_paced_libopus_and_relay": 1.15, "transcode_cpu_vs_asterisk": 0.3,
           "mix_cpu_vs_codecs": 1.3, "allocations_per_packet": 0.0, "delay_p50_vs_bare": 1.5, "delay_p99_vs_bare": 1.5,
           "pss_kib_per_relayed_call": 32, "pss_per_transcoded_call_vs_libopus": 1.5}
say, aloud, spread = bench.say, bench.aloud, bench.spread


def parsed(line):
    """The values of a FIGURES line; of a spread the middle one."""
    found = {}
    for pair in line.split()[3:]:
        key, _, value = pair.partition("=")
        parts = value.split("/")
        with contextlib.suppress(ValueError):
            found[key] = float(parts[len(parts) // 2])
    return found


class MediaBench(bench.Bench):
    def __init__(self, options):
        super().__init__(options)
        self.tools = pathlib.Path(options.tools or self.bin.parent / "bench-tools").resolve()
        run(["make", "-C", PEERS, f"BIN={self.tools}"], timeout=120)
        self.accounting.BIN = str(self.tools)
        self.environment = {"BENCH_BIN": str(self.tools), "BENCH_OUT": self.accounting.OUT}
        self.measured = {}  # name of a target: values, one a round
        self.probe_built = None

    # --- sides

    @contextlib.contextmanager
    def appliance(self, calls):
        """A pbxd that takes so many calls; the arguments with which Benchmarks/peers/bench_media.py loads it."""
        port, config = free_port(ADDRESS), self.directory / "media.yaml"
        rows = "".join(f'  - {{ extension: "{u}", name: "User {u}", password: "secret{u}-for-the-bench" }}\n' for u in (*CALLERS, *CALLEES))
        config.write_text(CONFIG.format(address=ADDRESS, port=port, calls=calls) + rows)
        data = tempfile.mkdtemp(prefix="media-", dir=self.directory)
        program = self.start("pbxd", [self.need("pbxd"), "run", "--config", config, "--data", data])
        program.wait_for("ready", timeout=60)
        try:
            yield ["--target", f"{ADDRESS}:{port}", "--pid", program.process.pid, "--name", "pbxd", "--local", ADDRESS, "--domain", "pbx.example",
                   "--password", "secret{user}-for-the-bench", "--callers", f"{CALLERS[0]}-{CALLERS[-1]}", "--callees", f"{CALLEES[0]}-{CALLEES[-1]}"]
        finally:
            status = program.terminate(timeout=60)
        require(status == 0, f"pbxd ended with status {status}\n{program.tail()}")

    @contextlib.contextmanager
    def peer(self, name, root):
        """Asterisk or rtpengine from its chroot; None when it cannot run here."""
        port = {"asterisk": "5160", "rtpengine": "2233"}[name]
        environment = {"PEERS_ROOT": str(root), "AST_PORT": "5160", "NG_PORT": "2233"}
        pid = run([PEERS / "peers.sh", "start", name], environment=environment).split()[-1]
        try:
            time.sleep(3)
            yield ["--target" if name == "asterisk" else "--ng", f"127.0.0.1:{port}", "--pid", pid, "--name", name]
        finally:
            run([PEERS / "peers.sh", "stop", name], environment=environment)

    def load(self, script, *arguments):
        """One run of a load; its figures. Lost packets and silent streams make it fail."""
        done = run([sys.executable, PEERS / script, "--repeat", "1", *arguments], check=False, environment=self.environment, timeout=240)
        lines = [line for line in done.stdout.splitlines() if line.startswith("FIGURES ")]
        require(done.returncode == 0 and lines, f"{script} {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
        found = parsed(lines[-1])
        require(found.get("loss_pct_max", 0) <= 0.5 and found.get("silent_streams_max", 0) == 0, f"{script}: packets were lost\n{lines[-1]}")
        return found

    def rounds(self, sides):
        """Calls each side in every round, in alternating order; rows by name."""
        rows = {name: [] for name in sides}
        for number in range(self.options.rounds):
            order = list(sides) if number % 2 == 0 else list(sides)[::-1]
            for name in order:
                rows[name].append(sides[name]())
                time.sleep(0.5)
            say(f"  round {number + 1}: " + ", ".join(f"{name} {rows[name][-1]['cpu']:.2f}" for name in sides))
        return rows

    def ratio(self, target, ours, theirs, key):
        """Ratios within a round."""
        self.measured[target] = [a[key] / b[key] for a, b in zip(ours, theirs) if b.get(key)]

    # --- relay: processor time and delay

    def relay(self):
        calls, seconds = self.options.calls, self.options.seconds
        say(f"relay: {calls} calls, PCMU, 20 ms, CPU us a packet received and sent")
        with contextlib.ExitStack() as stack:
            arguments = stack.enter_context(self.appliance(calls))
            root = None if self.options.no_peer else self.peers_root("bookworm")
            common = ["--calls", calls, "--secs", seconds]

            def figures(row):
                return {"cpu": row["cpu_us_per_packet"], "p50": row["lat_ms_p50"], "p99": row["lat_ms_p99"]}
            sides = {"bare": lambda: figures(self.load("bench_udprelay.py", "--local", ADDRESS, "--base", "16000", *common)),
                     "pbxd": lambda: figures(self.load("bench_media.py", "--mode", "relay", *arguments, *common)),
                     "engine": lambda: self.engine(calls, "pcmu", seconds)}
            if root:
                rtpengine = stack.enter_context(self.peer("rtpengine", root))
                sides["rtpengine"] = lambda: figures(self.load("bench_rtpengine.py", "--mode", "relay", *rtpengine, *common))
            rows = self.rounds(sides)
        for name, row in rows.items():
            self.figure("relay", name, calls=calls, rounds=len(row), cpu_us_per_packet=spread([r["cpu"] for r in row], 2),
                        delay_ms_p50=spread([r["p50"] for r in row], 3), delay_ms_p99=spread([r["p99"] for r in row], 3))
        self.ratio("relay_cpu_vs_bare", rows["pbxd"], rows["bare"], "cpu")
        self.ratio("delay_p50_vs_bare", rows["pbxd"], rows["bare"], "p50")
        self.ratio("delay_p99_vs_bare", rows["pbxd"], rows["bare"], "p99")
        if "rtpengine" in rows:
            self.ratio("relay_cpu_vs_rtpengine", rows["pbxd"], rows["rtpengine"], "cpu")

    # --- the engine alone

    def probe(self):
        if self.probe_built is None:
            scratch = pathlib.Path(self.options.probe_scratch or self.bin.parent / "relay-probe")
            say(f"building the probe of the engine (release) in {scratch}")
            run(["swift", "build", "-c", "release", "--package-path", bench.PROBE, "--scratch-path", scratch, "-Xswiftc", "-cross-module-optimization"], timeout=1800)
            self.probe_built = scratch / "release" / "engineprobe"
        return self.probe_built

    def engine(self, calls, codec, seconds, room=0, count=False):
        """A load on the engine alone, with rooms of `room` sides when that is not 0; with `count`, its allocations instead of its time."""
        accounting, local = self.accounting, ADDRESS
        program = subprocess.Popen([str(self.probe()), local, "10000-15999", str(calls), "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            ports = {}
            for line in program.stdout:
                words = line.split()
                require(words[0] != "failed", f"engineprobe: {line}")
                if words[0] == "opened":
                    ports[int(words[1])] = (int(words[2]), int(words[3]))
                if words[0] == "ready":
                    break
            free = (port for port in range(17000, 32000, 2) if accounting.port_free(local, port))
            rows, told, number = [], [], {"pcmu": 0}.get(codec, 107)
            for call in range(calls):
                a = next(free)
                told.append(f"configure {call} a {local} {a} {codec} {number}")
                if room:
                    rows.append([local, a, local, ports[call][0], codec, number, -1])
                    told.append(f"room {call} a {call // room}")
                    continue
                b = next(free)
                rows += [[local, a, local, ports[call][0], codec, number, 2 * call + 1], [local, b, local, ports[call][1], "pcmu", 0, 2 * call]]
                told.append(f"configure {call} b {local} {b} pcmu 0")
            self.tell(program, "\n".join([*told, "settled"]), "settled")
            if count:
                return self.counted(program, rows, codec, seconds)
            found, cpu, wall, packets, _ = accounting.run_rtpgen(rows, seconds, [program.pid], audio=codec != "pcmu" or room > 0)
            require(found["silent_streams"] == 0 and found["loss_pct"] <= 0.5 or room, f"engineprobe lost packets: {found}")
            return {"cpu": cpu / packets * 1e6, "ms_per_call": cpu / wall / calls * 1000, "p50": found["lat_ms_p50"], "p99": found["lat_ms_p99"]}
        finally:
            program.stdin.close()
            ended = program.stdout.read()
            require(program.wait(30) == 0 and "unsent=0" in ended, f"engineprobe: {ended}")

    def tell(self, program, text, answer):
        program.stdin.write(text + "\n")
        program.stdin.flush()
        line = program.stdout.readline().strip()
        require(line.startswith(answer), f"engineprobe answered '{line}' instead of '{answer}'")
        return line

    # --- allocations

    def counted(self, program, rows, codec, seconds):
        found = []

        def count():
            time.sleep(1.5)
            self.tell(program, "count", "counting")
            before = time.monotonic()
            time.sleep(seconds)
            line = self.tell(program, "stop", "counts")
            found.append((line, len(rows) * 50 * (time.monotonic() - before)))
        import threading
        counter = threading.Thread(target=count)
        counter.start()
        self.accounting.run_rtpgen(rows, seconds + 2, [], audio=codec != "pcmu")
        counter.join()
        counts = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", found[0][0])}
        return counts, found[0][1]

    def allocations(self):
        say("allocations, retains and releases in the engine's whole loop, sockets included")
        worst = 0.0
        for name, calls, codec in (("relay", 100, "pcmu"), ("transcode", 10, "opus")):
            counts, packets = self.engine(calls, codec, 8, count=True)
            # A report of a session, each five seconds, is told to the appliance, and that allocates; nothing else may.
            reports = packets / 50 / 5
            per_packet = max(0.0, counts["allocations"] - 4 * reports) / packets
            worst = max(worst, per_packet)
            say(f"  {name}: {counts['allocations']} allocations and {counts['retains']} retains in {packets:.0f} packets and about {reports:.0f} reports")
            self.figure("allocations", name, packets=int(packets), reports=int(reports), allocations_per_packet=f"{per_packet:.3f}", **counts)
        self.measured["allocations_per_packet"] = [worst]

    # --- transcode

    def libopus(self, mode, calls, rate, bitrate):
        line = run([self.tools / "callfloor", mode, calls, rate, 5, bitrate, 0, 8], timeout=120)
        return float(re.search(r"ms_per_call_second=([\d.]+)", line)[1])

    def transcode(self):
        calls, seconds = self.options.transcoded, self.options.seconds
        say(f"\ntranscode: {calls} calls, Opus to PCMU and back, complexity 5, 24 kbit/s, CPU ms a call and second")
        with contextlib.ExitStack() as stack:
            arguments = stack.enter_context(self.appliance(calls))
            root = None if self.options.no_peer else self.peers_root("bookworm", "sid")
            common = ["--calls", calls, "--secs", seconds]

            def figures(row):
                return {"cpu": row["cpu_ms_per_call_second"]}
            sides = {"libopus": lambda: {"cpu": self.libopus("calls", calls, 8000, 24000)},
                     "libopus-paced": lambda: {"cpu": self.libopus("paced", calls, 8000, 24000)},
                     "bare": lambda: figures(self.load("bench_udprelay.py", "--local", ADDRESS, "--base", "16000", *common)),
                     "pbxd": lambda: figures(self.load("bench_media.py", "--mode", "transcode", *arguments, *common)),
                     "engine": lambda: {"cpu": self.engine(calls, "opus", seconds)["ms_per_call"]}}
            for name, script in (("asterisk", "bench_media.py"), ("rtpengine", "bench_rtpengine.py")) if root else ():
                theirs = stack.enter_context(self.peer(name, root))
                sides[name] = lambda script=script, theirs=theirs: figures(self.load(script, "--mode", "transcode", *theirs, *common))
            rows = self.rounds(sides)
        for name, row in rows.items():
            self.figure("transcode", name, calls=calls, rounds=len(row), cpu_ms_per_call_second=spread([r["cpu"] for r in row], 3))
        floor = [{"cpu": a["cpu"] + b["cpu"]} for a, b in zip(rows["libopus"], rows["bare"])]
        self.ratio("transcode_cpu_vs_libopus_and_relay", rows["pbxd"], floor, "cpu")
        # The same codecs at the times at which packets come, instead of one frame after the other with warm caches.
        paced = [{"cpu": a["cpu"] + b["cpu"]} for a, b in zip(rows["libopus-paced"], rows["bare"])]
        self.ratio("transcode_cpu_vs_paced_libopus_and_relay", rows["pbxd"], paced, "cpu")
        if "asterisk" in rows:
            self.ratio("transcode_cpu_vs_asterisk", rows["pbxd"], rows["asterisk"], "cpu")

    # --- mix

    def mix(self):
        rooms, each, seconds = 10, self.options.participants, self.options.seconds
        say(f"\nmix: {rooms} rooms of {each}, Opus at 16 kHz and 24 kbit/s, complexity 5, CPU ms a participant and second; bare: the same packets relayed")
        parties = rooms * each
        rows = self.rounds({
            "codecs": lambda: {"cpu": self.libopus("room", parties, 16000, 24000)},
            "bare": lambda: {"cpu": self.load("bench_udprelay.py", "--local", ADDRESS, "--base", "16000", "--calls", parties // 2, "--secs", seconds)["cpu_ms_per_call_second"] / 2},
            "engine": lambda: {"cpu": self.engine(parties, "opus", seconds, room=each)["ms_per_call"]}})
        for name, row in rows.items():
            self.figure("mix", name, rooms=rooms, participants=each, rounds=len(row), cpu_ms_per_participant_second=spread([r["cpu"] for r in row], 3))
        self.ratio("mix_cpu_vs_codecs", rows["engine"], [{"cpu": a["cpu"] + b["cpu"]} for a, b in zip(rows["codecs"], rows["bare"])], "cpu")

    # --- memory

    def memory(self):
        sizes = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", run([self.tools / "callfloor", "sizes"]))}
        own = (sizes["encoder_bytes"] + sizes["decoder_bytes"]) / 1024
        say(f"\nmemory: PSS of pbxd a held call with media; libopus' own state is {own:.1f} KiB a call")
        # What transactions keep of a call's set-up for 32 s is no cost of holding it.
        for name, codec, steps, target in (("relayed", "pcmu", "0,50,150", "pss_kib_per_relayed_call"),
                                           ("transcoded", "opus", "0,15,45", "pss_per_transcoded_call_vs_libopus")):
            calls = int(steps.rsplit(",", 1)[1])
            with self.appliance(calls) as arguments:
                done = run([sys.executable, PEERS / "bench_media.py", "--mode", "rss", "--codec-a", codec, "--steps", steps, "--settle", 33, *arguments], environment=self.environment, timeout=300)
            points = [(int(n), float(pss)) for n, pss in re.findall(r"^(\d+) calls: RSS [\d.]+ MiB PSS ([\d.]+) MiB", done, re.M)]
            require(len(points) >= 3, f"no memory figures\n{done}")
            # The first calls also touch code and grow tables: the slope is that of those behind.
            (n1, p1), (n2, p2) = points[1], points[-1]
            each = (p2 - p1) * 1024 / (n2 - n1)
            say(f"  {name}: " + ", ".join(f"{n} calls {pss:.1f} MiB" for n, pss in points) + f"; {each:.1f} KiB a call")
            self.figure("memory", name, kib_per_call=f"{each:.1f}", libopus_kib=f"{own:.1f}", **{f"pss_mib_at_{n}": f"{pss:.1f}" for n, pss in points})
            self.measured[target] = [each if codec == "pcmu" else each / own]

    # --- the end

    def verdict(self):
        """A table of what was aimed at; true when all of it was reached."""
        say(f"\n{'figure, min/median/max of the rounds':44}{'measured':>24}{'at most':>10}")
        values = {}
        for name, most in TARGETS.items():
            found = self.measured.get(name)
            if not found:
                continue
            middle = statistics.median(found)
            values[name] = f"{spread(found, 2)}:{'met' if middle <= most else 'missed'}"
            say(f"{name:44}{spread(found, 2):>24}{most:>10}{'' if middle <= most else '   missed'}")
        self.figure("media", "pbxd", **values)


SECTIONS = {"relay": MediaBench.relay, "transcode": MediaBench.transcode, "mix": MediaBench.mix, "allocations": MediaBench.allocations, "memory": MediaBench.memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder with pbxd, built for release")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (default 5)")
    parser.add_argument("--seconds", type=float, default=8, help="measured seconds of a round (default 8)")
    parser.add_argument("--calls", type=int, default=100, help="relayed calls (default 100)")
    parser.add_argument("--transcoded", type=int, default=20, help="transcoded calls (default 20)")
    parser.add_argument("--participants", type=int, default=10, help="participants of each of the ten rooms (default 10)")
    parser.add_argument("--no-peer", action="store_true", help="without Asterisk and rtpengine")
    parser.add_argument("--probe-scratch", help="where the probe is built (default: beside --bin)")
    parser.add_argument("--tools", help="where generators and floors are built (default: beside --bin)")
    options = parser.parse_args()
    sections = options.only.split(",")
    if unknown := [s for s in sections if s not in SECTIONS]:
        parser.error(f"no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    end_on_signals()
    measured, status = MediaBench(options), 0
    say(bench.machine() + "\n")
    noise = measured.accounting.Noise()
    try:
        for section in sections:
            try:
                SECTIONS[section](measured)
            except (Failed, subprocess.TimeoutExpired, OSError) as error:
                status = fail(f"{section}: {error}")
        measured.figure("machine", "during", **noise.end())
        measured.verdict()
    except KeyboardInterrupt:
        status = 130
    finally:
        measured.end()
    say("\n".join(measured.figures))
    return status


if __name__ == "__main__":
    sys.exit(main())
