#!/usr/bin/env python3
"""Plays every case of Tests/Interop against a running pbxd, several side by side, and prints a verdict each: cases.py with SIPp,
transport_cases.py with a telephone that can do what SIPp cannot.

  signalling.py --bin .build/debug [--only hold,prack] [--jobs 8] [--keep DIR] [--list]

All traffic is on loopback; every SIPp has a time limit and is ended by its pid. Exit status 0 only if every case holds."""
import argparse
import concurrent.futures
import json
import pathlib
import ssl
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests" / "Interop"))

from cases import CASES, TRUNK_CASES  # noqa: E402
import transport_cases  # noqa: E402, F401 - its cases add themselves
from harness import Failed, Story, end_on_signals, fail, free_port, played, require, run, until  # noqa: E402
from scenario import register  # noqa: E402
from telephone import Telephone, endpoint  # noqa: E402

FIRST_USER, USERS = 1000, 480
CONFIG = """appliance: {{ edition: flex }}
sip:
  listen:
    - {{ transport: udp, address: 127.0.0.1, port: {port} }}
    - {{ transport: tcp, address: 127.0.0.1, port: {port} }}
    - {{ transport: tls, address: 127.0.0.1, port: 0 }}
    - {{ transport: udp, address: 127.0.0.1, port: 0 }}
    - {{ transport: udp, address: "::1", port: {port6} }}
    - {{ transport: tcp, address: "::1", port: {port6} }}
    - {{ transport: tls, address: "::1", port: 0 }}
  protection: {{ enabled: false }}
media: {{ address: 127.0.0.1, ports: 16384-17383 }}
features: {{ echo: "600" }}
{more}users:
"""


# What follows makes an office with two lines out of it.
TRUNK = """  - {{ name: {name}, kind: registering, server: "127.0.0.1:{port}", transport: udp, user: "4930123456", password: the-telco-secret,
      domain: telco.example, expires: 60, channels: 4, health_interval: 5, identity: asserted, number_format: e164,
      block: {{ base: "+493012345", first: "1000", last: "1299" }}, default: "1000" }}
"""
OFFICE = """numbering: {{ country_code: "49", area_code: "30", outside_prefix: "0" }}
trunks:
{trunks}outgoing:
  rules: [{{ prefix: "+", trunks: [first, second] }}]
"""


def secret(user):
    return f"sipp-{user}-keeps-a-long-secret"


class Stage:
    """What a case plays on: numbers of its own, SIPp processes, and the end of them all."""

    def __init__(self, play, name, number):
        self.play, self.name, self.next_user = play, name, FIRST_USER + 6 * number
        self.directory = play.directory / name
        self.directory.mkdir(exist_ok=True)
        self.processes, self.count, self.telephones = [], 0, []

    def users(self, count):
        users = [str(self.next_user + i) for i in range(count)]
        self.next_user += count
        return users

    def answers(self, user, flow, transport="udp", parameters="", seconds=30, port=None):
        """A callee's SIPp listens, and its Contact is registered for `user`."""
        port = port or free_port()
        process = self.sipp(flow, user, "-", port, transport, seconds)
        table = "/proc/net/udp" if transport == "udp" else "/proc/net/tcp"
        until(f"the socket of {flow.name}", lambda: process.poll() is not None or f":{port:04X}" in open(table).read(), 10, 0.02)
        self.calls(user, user, register(port, contact_user=user, parameters=parameters, transport=transport).expect(200), transport="udp")
        return port

    def calls(self, user, callee, flow, transport="udp", seconds=30, wait=True):
        """A caller's SIPp; returns when it has ended, unless told not to."""
        process = self.sipp(flow, user, callee, free_port(), transport, seconds)
        if wait:
            self.finish(process)

    def sipp(self, flow, user, callee, port, transport, seconds, to=None, address="127.0.0.1"):
        self.count += 1
        base = self.directory / f"{self.count}-{flow.name}"
        base.with_suffix(".xml").write_text(flow.xml())
        arguments = ["sipp", to or self.play.address, "-sf", base.with_suffix(".xml"), "-m", 1, "-i", address, "-p", port or free_port(address), "-nostdin",
                     "-t", {"udp": "u1", "tcp": "t1"}[transport], "-timeout", seconds, "-timeout_error", "-recv_timeout", seconds * 1000 - 2000,
                     "-key", "user", user, "-key", "callee", callee, "-au", user, "-ap", secret(user), "-max_retrans", 6,
                     "-trace_err", "-error_file", base.with_suffix(".errors"), "-trace_msg", "-message_file", base.with_suffix(".messages")]
        if ":" in address:  # what SIPp would make of it by itself has no brackets
            arguments += ["-auth_uri", to]
        process = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=open(base.with_suffix(".stderr"), "wb"), start_new_session=True)
        process.flow, process.base, process.limit = flow.name, base, seconds
        self.processes.append(process)
        return process

    def finish(self, process):
        try:
            status = process.wait(process.limit + 10)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if process in self.processes:
            self.processes.remove(process)
        if status != 0:
            errors = process.base.with_suffix(".errors")
            text = errors.read_text(errors="replace") if errors.exists() else process.base.with_suffix(".stderr").read_text(errors="replace")
            raise Failed(f"{process.flow} ended with {status}: " + " | ".join(text.split("\n"))[:1500])

    def end(self):
        """Everything that still runs must end well by itself."""
        for process in list(self.processes):
            self.finish(process)
        if self.telephones:
            time.sleep(0.2)  # the last BYE is on its way

    # --- telephones of our own

    def listener(self, name):
        """(host, port) of one of pbxd's listeners, by its name in the ready line."""
        return endpoint(self.play.listeners[name])

    def tls(self):
        """Settings of a client that takes the appliance's certificate for the address that it dials, and no other."""
        return ssl.create_default_context(cafile=self.play.data / "development" / "vendor-root.pem")

    def telephone(self, user, listener="sip-udp", **options):
        """A telephone at that listener, not registered yet."""
        transport = {"sip-udp": "udp", "sip-tcp": "tcp", "sips": "tls"}[listener.rstrip("-0123456789")]
        phone = Telephone(self.listener(listener), user, secret(user), transport=transport, tls=self.tls() if transport == "tls" else None, **options)
        self.telephones.append(phone)
        return phone

    # --- trunks

    def network_answers(self, flow, company=0):
        """The public network behind that company takes the next call."""
        process = self.sipp(flow, "network", "-", self.play.companies[company].network_port, "udp", 30)
        until("the network's socket", lambda: process.poll() is not None or f":{self.play.companies[company].network_port:04X}" in open("/proc/net/udp").read(), 10, 0.02)

    def network_calls(self, caller, callee, flow, company=0):
        process = self.sipp(flow, caller, callee, self.play.companies[company].network_port, "udp", 30, to=self.play.companies[company].address)
        self.finish(process)

    def stop_company(self, number):
        require(self.play.companies[number].terminate() is not None, "Kamailio did not end")

    def abandon(self):
        for phone in self.telephones:
            phone.close()
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


class Signalling(Story):
    def __init__(self, options):
        super().__init__(keep=options.keep)
        self.options, self.bin = options, pathlib.Path(options.bin).resolve()
        require(not any(self.directory.iterdir()), f"{self.directory} is not empty; an earlier run's bindings would be called too")

    def ctl(self, *arguments):
        return json.loads(run([self.bin / "pbxctl", *arguments, "--data", self.data, "--json"]))

    def company(self, name):
        """A Kamailio that plays a telephone company."""
        port, network = free_port(), free_port()
        modules = next(pathlib.Path("/usr/lib").glob("*/kamailio/modules"), None)
        require(modules, "Kamailio's modules were not found; make deps-interop installs it")
        config = self.directory / f"{name}.cfg"
        config.write_text((ROOT / "Tests" / "Interop" / "telco.cfg").read_text().replace("@MODULES@", f"{modules}/"))
        program = self.start(name, ["kamailio", "-DD", "-E", "-f", config, "-A", f"TELCO_PORT={port}", "-A", f"NETWORK_PORT={network}", "-m", 32, "-M", 4,
                                    "-P", self.directory / f"{name}.pid", "-Y", self.directory])
        program.port, program.network_port, program.address = port, network, f"127.0.0.1:{port}"
        until(f"{name}'s socket", lambda: program.process.poll() is not None or f":{port:04X}" in open("/proc/net/udp").read(), 10)
        return program

    def appliance(self, name="data", more=""):
        config = self.directory / "appliance.yaml"
        users = "".join(f'  - {{ extension: "{u}", name: "User {u}", password: "{secret(u)}" }}\n' for u in range(FIRST_USER, FIRST_USER + USERS))
        config.write_text(CONFIG.format(port=free_port(), port6=free_port("::1"), more=more) + users)
        self.data = self.directory / name
        self.pbxd = self.start(f"pbxd-{name}", [self.bin / "pbxd", "run", "--config", config, "--data", self.data])
        ready = self.pbxd.wait_for("ready", 30)["listeners"]
        self.address, self.listeners = ready["sip-udp"], ready

    def play(self, number, function):
        stage = Stage(self, function.__name__, number)
        began = time.monotonic()
        try:
            function(stage)
            stage.end()
            return function, None, time.monotonic() - began
        except (Failed, OSError, ValueError, TypeError, KeyError) as error:
            return function, error, time.monotonic() - began
        finally:
            stage.abandon()

    def story(self):
        wanted, trunks = (
            [c for c in cases if not self.options.only or any(word in c.__name__ for word in self.options.only.split(","))] for cases in (CASES, TRUNK_CASES))
        require(wanted or trunks, f"no case is named like {self.options.only}")
        failed = []
        if trunks:
            self.office(trunks, failed)
        if wanted:
            self.side_by_side(wanted, failed)
        require(not failed, f"{len(failed)} of {len(wanted) + len(trunks)} cases: {', '.join(sorted(failed))}")

    def tell(self, function, error, seconds, failed):
        if error:
            failed.append(function.__name__)
            print(f"  FAIL {function.__name__}: {error}", flush=True)
        else:
            self.count += 1
            print(f"  ok   {function.__name__}: {function.__doc__.strip()}  [{seconds:.1f} s]", flush=True)

    def office(self, cases, failed):
        """One after the other, with two companies; the last ones stop them."""
        self.companies = [self.company("company-1"), self.company("company-2")]
        trunks = "".join(TRUNK.format(name=name, port=company.port) for name, company in zip(("first", "second"), self.companies))
        self.appliance("office", OFFICE.format(trunks=trunks))
        until("both trunks to be registered", lambda: [t["state"] for t in self.ctl("status")["trunks"]] == ["registered", "registered"], 20)
        for number, function in enumerate(cases):
            self.tell(*self.play(number, function), failed)
        self.finish_appliance()

    def finish_appliance(self):
        require(self.pbxd.process.poll() is None, f"pbxd ended\n{self.pbxd.tail()}")
        until("no call left", lambda: not self.ctl("calls"), 40)
        require(self.pbxd.terminate() == 0, f"pbxd did not end in peace\n{self.pbxd.tail()}")

    def side_by_side(self, wanted, failed):
        self.appliance()
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            # the slow ones first, so that they do not come last alone
            order = sorted(wanted, key=lambda c: "session_timer" not in c.__name__ and "stalls" not in c.__name__)
            for done in concurrent.futures.as_completed([pool.submit(self.play, CASES.index(c), c) for c in order]):
                self.tell(*done.result(), failed)
        self.finish_appliance()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", help="directory with the built programs")
    parser.add_argument("--only", help="parts of cases' names, comma separated")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--keep", help="keep scenarios, messages and logs in this directory")
    parser.add_argument("--list", action="store_true", help="name the cases and what each proves")
    options = parser.parse_args()
    if options.list:
        for function in CASES + TRUNK_CASES:
            print(f"{function.__name__}: {function.__doc__.strip()}")
        return 0
    if not options.bin:
        parser.error("--bin is missing")
    end_on_signals()
    try:
        story = Signalling(options)
    except (Failed, OSError) as error:
        return fail(error)
    return played("signalling", story, what="cases")


if __name__ == "__main__":
    sys.exit(main())
