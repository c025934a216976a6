#!/usr/bin/env python3
"""Holds relayed and transcoded calls for minutes through a real pbxd on loopback, and asks whether anything was lost or has grown.

  soak.py --bin .build/release [--seconds 120] [--relayed 200] [--transcoded 40]

Calls are set up by SIP; Benchmarks/peers/rtpgen sends and checks their media. Asserted: no packet is lost by pbxd (gaps at the
receivers, less what the kernel had no room for at the generator's own sockets), its memory is flat, its file descriptors and threads
are as many at the end as at the beginning, and none of the calls' are left afterwards. pbxd refuses calls that it has no time for: a
debug build, or a small machine, runs with fewer, which is said aloud. A line every ten seconds; the last one is for programs to read."""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from harness import Failed, Story, end_on_signals, fail, free_port, require, run, until

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = ROOT / "Benchmarks" / "peers"
ADDRESS = "127.0.78.1"
CALLERS, CALLEES = range(1001, 1041), range(1041, 1081)
PASSWORD = "secret{user}-for-the-soak"
PROGRESS = 10
# A quarter of a MiB a minute: less than a tenth of a KiB for each call, and more than a cache that fills
GROWTH_KIB_A_MINUTE = 256
FEWEST = (10, 2)
CONFIG = """appliance: {{ edition: flex }}
sip:
  listen: [ {{ transport: udp, address: {address}, port: {port} }} ]
  protection: {{ enabled: false }}
  calls: {calls}
media: {{ address: {address}, ports: 10000-15999, opus_complexity: 5, cpu_share: 60 }}
users:
"""


def say(text):
    print(text, flush=True)


def aloud(text):
    say(f"\n*** {text} ***\n")


class Soak(Story):
    def __init__(self, options):
        super().__init__()
        self.options, self.bin = options, pathlib.Path(options.bin)
        self.tools = pathlib.Path(options.tools or self.bin.parent / "bench-tools").resolve()
        run(["make", "-C", PEERS, f"BIN={self.tools}"], timeout=120)
        os.environ["BENCH_OUT"] = str(self.directory / "peers-out")
        sys.path.insert(0, str(PEERS))
        import peerlib
        self.peers = peerlib
        self.agents, self.generators, self.refused = [], [], []

    # --- pbxd

    def serve(self):
        port, config = free_port(ADDRESS), self.directory / "soak.yaml"
        rows = "".join(f'  - {{ extension: "{u}", name: "User {u}", password: "{PASSWORD.format(user=u)}" }}\n' for u in (*CALLERS, *CALLEES))
        config.write_text(CONFIG.format(address=ADDRESS, port=port, calls=self.options.relayed + self.options.transcoded + 10) + rows)
        self.data = self.directory / "data"
        self.pbxd = self.start("pbxd", [self.bin / "pbxd", "run", "--config", config, "--data", self.data])
        self.pbxd.wait_for("ready", timeout=60)
        self.pid, self.target = self.pbxd.process.pid, f"{ADDRESS}:{port}"
        self.budget = next((line for line in self.pbxd.log_path.read_text(errors="replace").splitlines() if "media:" in line), "")

    def state(self):
        """(PSS of anonymous memory in KiB, file descriptors, threads) of pbxd. Pages of files are left out: their share changes with who else maps them."""
        require(self.pbxd.process.poll() is None, f"pbxd has ended ({self.pbxd.process.poll()})\n{self.pbxd.tail()}")
        pss = int(re.search(r"^Pss_Anon:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text(), re.M)[1])
        return pss, len(os.listdir(f"/proc/{self.pid}/fd")), len(os.listdir(f"/proc/{self.pid}/task"))

    def status(self):
        done = run([self.bin / "pbxctl", "status", "--data", self.data, "--json"], check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    # --- calls

    def agent(self, codec, media_base):
        options = argparse.Namespace(target=self.target, domain="pbx.example", local=ADDRESS, password=PASSWORD)
        agent = self.peers.Ua(options, codec, media_base)
        self.agents.append(agent)
        return agent

    def register(self, agent, users):
        refused = [user for user in users if not agent.register(str(user))]
        require(not refused, f"{len(refused)} registrations were refused, the first of {refused[:3]}")

    def set_up(self, what, count, caller, callee, callers):
        """So many calls, or as many as are let in; pairs of legs."""
        legs, patience = [], 6
        while len(legs) < count:
            known = len(callee.answered)
            leg = caller.call(str(callers[len(legs) % len(callers)]), str(CALLEES[len(legs) % len(CALLEES)]))
            if leg is None:
                error = caller.errors[-1]
                require("503" in error, f"{what} call {len(legs) + 1}: {error}\n{self.pbxd.tail()}")
                held = self.status().get("media", {}).get("heldUp", False)
                if held and patience > 0:
                    patience -= 1
                    time.sleep(5)
                    continue
                self.refused.append(f"{len(legs)} of {count} {what}")
                break
            until("the incoming leg", lambda: len(callee.answered) > known, timeout=5, pause=0.001)
            legs.append((leg, callee.answered[known]))
        return legs

    def rows(self, legs):
        rows = []
        for index, (x, y) in enumerate(legs):
            for leg, codec, expected in ((x, x["codec"], 2 * index + 1), (y, y["codec"], 2 * index)):
                number = leg["pt"] if codec == "opus" else 0
                rows.append([ADDRESS, leg["port"], leg["rip"], leg["rport"], codec, number, expected])
        return rows

    def generate(self, name, legs, audio):
        path = self.directory / f"{name}.streams"
        path.write_text("".join(" ".join(map(str, row)) + "\n" for row in self.rows(legs)))
        arguments = [self.tools / "rtpgen", "-f", path, "-d", self.options.seconds] + (["-a"] if audio else [])
        # Above others on the machine, if that is allowed: what the generator sends late is nobody's fault here.
        process = subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE, text=True)
        try:
            os.setpriority(os.PRIO_PROCESS, process.pid, -5)
        except OSError:
            pass
        self.generators.append((name, process, {leg["port"] for pair in legs for leg in pair}))

    def dropped(self, ports):
        """What the kernel had no room for at those UDP ports so far."""
        total = 0
        for line in open("/proc/net/udp").read().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].rsplit(":", 1)[1], 16) in ports:
                total += int(fields[-1])
        return total

    # --- the soak

    def soak(self):
        self.serve()
        before = self.state()
        say(f"pbxd: anonymous PSS {before[0] / 1024:.1f} MiB, {before[1]} file descriptors, {before[2]} threads\n{self.budget.strip()}")
        callers, opus, callees = self.agent("pcmu", 20000), self.agent("opus", 24000), self.agent("pcmu", 28000)
        self.register(callers, CALLERS)
        self.register(callees, CALLEES)
        relayed = self.set_up("relayed", self.options.relayed, callers, callees, CALLERS)
        transcoded = self.set_up("transcoded", self.options.transcoded, opus, callees, CALLERS)
        if self.refused:
            aloud(f"this machine, or this build, has time for fewer calls: {', '.join(self.refused)}")
        require(len(relayed) >= min(FEWEST[0], self.options.relayed) and len(transcoded) >= min(FEWEST[1], self.options.transcoded),
                f"only {len(relayed)} relayed and {len(transcoded)} transcoded calls were let in\n{self.pbxd.tail()}")
        say(f"{len(relayed)} relayed and {len(transcoded)} transcoded calls stand; {self.options.seconds} s of media")
        if relayed:
            self.generate("relayed", relayed, False)
        if transcoded:
            self.generate("transcoded", transcoded, True)
        samples, dropped = self.watch()
        results = self.results(dropped)
        self.judge_growth(samples)
        for leg, _ in relayed + transcoded:
            (opus if leg["codec"] == "opus" else callers).bye(leg)
        until("the calls to end", lambda: self.status().get("calls") == 0, timeout=30)
        after = until("sockets and threads to be given back", lambda: self.given_back(before), timeout=60, pause=1)
        for agent in self.agents:
            agent.close()
        require(self.pbxd.terminate(timeout=60) == 0, f"pbxd did not end with status 0\n{self.pbxd.tail()}")
        self.figures(relayed, transcoded, results, before, samples, after)

    def given_back(self, before):
        state = self.state()
        return state if state[1] <= before[1] + 2 and state[2] <= before[2] + 2 else None

    def watch(self):
        """Samples every ten seconds while the generators run; (seconds, PSS, descriptors, threads), and what the generators' sockets dropped."""
        began, samples, dropped = time.monotonic(), [], {}
        while any(process.poll() is None for _, process, _ in self.generators):
            passed = time.monotonic() - began
            require(passed < self.options.seconds + 60, "the generator does not end")
            for name, process, ports in self.generators:
                if process.poll() is None:
                    dropped[name] = max(dropped.get(name, 0), self.dropped(ports))
            if passed >= PROGRESS * (len(samples) + 1) and passed < self.options.seconds:
                state, media = self.state(), self.status().get("media", {})
                samples.append((passed, *state))
                say(f"  {passed:4.0f} s: anonymous PSS {state[0] / 1024:.2f} MiB, {state[1]} file descriptors, {state[2]} threads; media {media.get('charged', 0):.0f} of "
                    f"{media.get('budget', 0):.0f} ms a second taken{', held up' if media.get('heldUp') else ''}; generators' own drops {sum(dropped.values())}")
            time.sleep(0.2)
        return samples, dropped

    def results(self, dropped):
        """What the generators found: every packet there, from the right call, with speech in it where speech was sent."""
        counters = self.status().get("counters", {})
        ours = counters.get("media.engine.dropped-by-kernel", 0)
        found = {}
        for name, process, _ in self.generators:
            output = process.communicate(timeout=30)[0]
            require(process.returncode == 0, f"rtpgen ({name}) ended with {process.returncode}")
            result = json.loads(output)
            missing = result["expected"] - result["received"]
            result["lost"] = max(result["seq_gaps"], missing, 0)
            result["lost_by_us"] = max(0, result["lost"] - dropped.get(name, 0))
            found[name] = result
            say(f"  {name}: {result['received']} of {result['expected']} packets, {result['lost']} lost, {dropped.get(name, 0)} of them at the generator; "
                + (f"delay p50 {result['lat_ms_p50']} ms, p99 {result['lat_ms_p99']} ms" if name == "relayed" else f"speech in {result['active_frac']:.2f} of the frames"))
            require(result["lost_by_us"] == 0, f"{result['lost_by_us']} packets of the {name} calls were lost by pbxd ({ours} found its sockets full)\n{output}")
            require(result["silent_streams"] == 0 and result["misdelivered"] == 0 and result["wrong_pt"] == 0, f"streams of the {name} calls were silent or mixed up\n{output}")
            require(name == "relayed" or result["active_frac"] > 0.5, f"what was transcoded is no speech\n{output}")
        return found

    def judge_growth(self, samples):
        # What the first packets touch (code, tables, the allocator's own arenas) is there by then.
        steady = [sample for sample in samples if sample[0] >= self.options.seconds / 2]
        require(len(steady) >= 3, "the soak was too short to see growth; give it 80 s or more")
        # Least squares, in KiB a minute.
        n, xs, ys = len(steady), [s[0] / 60 for s in steady], [s[1] for s in steady]
        mean_x, mean_y = sum(xs) / n, sum(ys) / n
        self.slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / sum((x - mean_x) ** 2 for x in xs)
        require(self.slope <= GROWTH_KIB_A_MINUTE, f"memory grows by {self.slope:.0f} KiB a minute, from {ys[0]} to {ys[-1]} KiB")
        require(steady[-1][2] <= steady[0][2] + 2, f"file descriptors grow, from {steady[0][2]} to {steady[-1][2]}")
        require(steady[-1][3] <= steady[0][3] + 2, f"threads grow, from {steady[0][3]} to {steady[-1][3]}")

    def figures(self, relayed, transcoded, results, before, samples, after):
        packets = sum(result["received"] for result in results.values())
        say(f"FIGURES soak pbxd seconds={self.options.seconds} relayed={len(relayed)} transcoded={len(transcoded)} packets={packets} "
            f"lost_by_us={sum(r['lost_by_us'] for r in results.values())} lost_at_generator={sum(r['lost'] for r in results.values())} "
            f"pss_anon_mib={before[0] / 1024:.1f}/{samples[-1][1] / 1024:.1f}/{after[0] / 1024:.1f} growth_kib_per_minute={self.slope:.0f} "
            f"fds={before[1]}/{samples[-1][2]}/{after[1]} threads={before[2]}/{samples[-1][3]}/{after[2]}")

    def end(self):
        for _, process, _ in self.generators:
            if process.poll() is None:
                process.kill()
                process.wait()
        return super().end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder with pbxd and pbxctl")
    parser.add_argument("--seconds", type=int, default=120, help="of media (default 120)")
    parser.add_argument("--relayed", type=int, default=200, help="relayed calls (default 200)")
    parser.add_argument("--transcoded", type=int, default=40, help="transcoded calls (default 40)")
    parser.add_argument("--tools", help="where the generator is built (default: beside --bin)")
    options = parser.parse_args()
    end_on_signals()
    soak, status = Soak(options), 0
    try:
        soak.soak()
    except (Failed, subprocess.TimeoutExpired, OSError) as error:
        status = fail(error)
    except KeyboardInterrupt:
        status = 130
    finally:
        soak.end()
    return status


if __name__ == "__main__":
    sys.exit(main())
