#!/usr/bin/env python3
"""A thousand appliances against one vendorcloud process, over loopback sockets: they pair, report and back up; then the cloud is
restarted, and they come back. Printed: the cloud's memory and processor time for each chapter, and the storm after the restart.

  fleet.py --bin .build/release [--appliances 1000] [--interval 10] [--keep DIR]

An appliance here is the product's core and cloud link without telephony; all of them share one process (`pbxsim fleet`)."""
import json
import os
import pathlib
import resource
import sys
import time

from harness import Story, end_on_signals, free_port, played, require, run, story_parser

LOGIN, PASSWORD = "olga", "a-password-for-loopback"
PORTS = ("relay", "public", "backup", "monitoring", "control-center", "relay-service", "web")
TICKS = os.sysconf("SC_CLK_TCK")


def figures(pid):
    """(processor seconds, resident KiB, most resident KiB, descriptors) of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    status = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    size = lambda name: int(status[name].split()[0])
    return (int(fields[11]) + int(fields[12])) / TICKS, size("VmRSS"), size("VmHWM"), len(os.listdir(f"/proc/{pid}/fd"))


class FleetStory(Story):
    def __init__(self, options):
        super().__init__(keep=options.keep)
        self.bin, self.options = pathlib.Path(options.bin).resolve(), options
        self.pki, self.data = self.directory / "pki", self.directory / "cloud"
        self.ports = {name: free_port() for name in PORTS}

    def at(self, name):
        return f"127.0.0.1:{self.ports[name]}"

    def start_cloud(self):
        ports = [item for name, port in self.ports.items() for item in (f"--{name}-port", port)]
        self.vendor = self.start("vendorcloud", [self.bin / "vendorcloud", "run", "--pki", self.pki, "--data", self.data, *ports],
                                 environment={"SWIFT_BACKTRACE": "enable=no"})
        self.vendor.wait_for("ready", 60)
        self.used, self.since = figures(self.vendor.process.pid)[0], time.monotonic()

    def chapter(self, name, event, timeout=900):
        """Waits for the fleet's word, and says what the cloud needed meanwhile."""
        found = self.fleet.wait_for(event, timeout)
        processor, memory, most, descriptors = figures(self.vendor.process.pid)
        took = time.monotonic() - self.since
        self.step(name, f"{found.get('seconds', took):.1f} s; cloud: {processor - self.used:.1f} s of processor time "
                  f"({100 * (processor - self.used) / took:.0f} % of one), {memory / 1024:.0f} MiB resident (most {most / 1024:.0f}), {descriptors} descriptors")
        self.used, self.since = processor, time.monotonic()
        return found

    def story(self):
        count = self.options.appliances
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        require(hard >= 5 * count + 500, f"{hard} descriptors are too few for {count} appliances")
        run([self.bin / "pbxctl", "pki", "dev", "--dir", self.pki])
        run([self.bin / "vendorcloud", "add-account", "--data", self.data, "--login", LOGIN, "--company", "Fleet"], stdin=PASSWORD + "\n")
        self.start_cloud()
        _, memory, _, _ = figures(self.vendor.process.pid)
        self.step("vendor cloud", f"{memory / 1024:.0f} MiB resident before anybody came")
        self.fleet = self.start("fleet", [
            self.bin / "pbxsim", "fleet", "--appliances", count, "--pki", self.pki, "--data", self.directory / "spool", "--relay", self.at("relay"),
            "--control-center", self.at("control-center"), "--backup", self.at("backup"), "--monitoring", self.at("monitoring"), "--web", self.at("web"),
            "--login", LOGIN, "--interval", self.options.interval], stdin=PASSWORD + "\n")
        self.chapter(f"{count} certificates", "made")
        self.chapter("connected to the relay", "connected")
        self.chapter("paired by typed codes", "paired")
        self.chapter("online in the Control Center", "online")
        self.chapter(f"two reports of each, one every {self.options.interval} s", "reported")
        backed = self.chapter("backed up", "backed-up")
        stored = [p for p in (self.data / "backups").rglob("*.age")]
        require(len(stored) == count, f"{len(stored)} backups are on the cloud's disk")
        require(sum(p.stat().st_size for p in stored) == backed["bytes"], "the backups do not have the bytes that were sent")
        self.fleet.wait_for("ready-for-restart", 60)
        self.restart()
        self.chapter("online again", "online")
        self.chapter("reporting again", "reported")
        totals = self.fleet.wait_for("totals", 60)
        require(self.fleet.wait_exit(120) == 0, f"the fleet failed\n{self.fleet.tail()}")
        processor, memory, most, _ = figures(self.vendor.process.pid)
        status = self.vendor.terminate()
        require(status == 0, f"vendorcloud ended with {status} on SIGTERM\n{self.vendor.tail()}")
        self.step("end", f"accepted {totals['accepted']}, not accepted {totals['refused']}; cloud {memory / 1024 / count * 1024:.0f} KiB for each appliance")

    def restart(self):
        status = self.vendor.terminate()
        require(status == 0, f"vendorcloud ended with {status} on SIGTERM\n{self.vendor.tail()}")
        away = time.monotonic()
        time.sleep(self.options.away)
        self.start_cloud()
        away = time.monotonic() - away
        found = self.chapter(f"restart, away for {away:.1f} s", "reconnected")
        back = [m / 1000 for m in found["milliseconds"]]
        require(len(back) == self.options.appliances, f"{len(back)} appliances came back")
        width = 1.0
        buckets = [0] * (int(back[-1] / width) + 1)
        for each in back:
            buckets[int(each / width)] += 1
        print(f"    back, second by second after the loss: {' '.join(map(str, buckets))}")
        at = lambda share: back[min(len(back) - 1, int(share * len(back)))]
        busiest = max(sum(1 for b in back if start <= b < start + 1) for start in back)
        print(f"    half were back after {at(.5):.1f} s, nine of ten after {at(.9):.1f} s, the last after {back[-1]:.1f} s; at most {busiest} in any one second "
              f"({100 * busiest / len(back):.0f} %); {found['dials']} connections tried, {found['dials'] / len(back):.1f} for each")
        # A herd would be all of them within the second in which the relay is there again.
        require(busiest <= len(back) * self.options.herd or len(back) < 50, f"{busiest} of {len(back)} came back within one second: a herd")


def main():
    parser = story_parser(__doc__)
    parser.add_argument("--appliances", type=int, default=1000)
    parser.add_argument("--interval", type=int, default=10, help="seconds between two reports of an appliance")
    parser.add_argument("--away", type=float, default=5, help="seconds for which the cloud is gone")
    parser.add_argument("--herd", type=float, default=0.4, help="share of the fleet that may come back within one second")
    options = parser.parse_args()
    end_on_signals()
    return played("fleet", FleetStory(options))


if __name__ == "__main__":
    sys.exit(main())
