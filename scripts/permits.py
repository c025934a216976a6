#!/usr/bin/env python3
"""Proves that nothing opens a connection to a vendor server without a permit: such code does not compile.

Each case is a few lines that a program of this package might hold. The first one must compile: it shows that the others fail
for the reason that is looked for, and not because of the tools. The modules are those of a build that is there (`make build`).

Two things the compiler cannot see are looked for in the sources: who opens a connection at all, and who steps around access
control.

usage: permits.py [--scratch .build]"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Files that open connections, and to whom. Whoever is not here opens none.
OPENERS = {
    "Sources/Shell/CloudLink/CloudClient.swift": "to the vendor's servers, under a permit",
    "Sources/Shell/CloudLink/Uplink.swift": "to the relay, under a permit",
    "Sources/Shell/Splice/SocketPair.swift": "to itself, inside the process",
    "Sources/Shell/Transport/SIPTransport+Streams.swift": "to telephones and trunks: the users' own, no vendor flow",
    "Sources/Shell/Transport/SIPTransport+Datagrams.swift": "to telephones and trunks: the users' own, no vendor flow",
}
OPENING = re.compile(r"\b(?:ClientBootstrap|DatagramBootstrap|HTTPClient)\s*\(|\.connect\s*\(\s*(?:host|to|unixDomainSocketPath)\s*:")
AROUND = re.compile(r"@testable\s+import\s+PrivacyContract|unsafeBitCast\s*\([^)]*Permit|Permit\.self\s*\)")

HEAD = "import ApplianceCore\nimport CloudMessages\nimport Primitives\nimport PrivacyContract\n"
# name, code, what the compiler has to say; None: it compiles.
CASES = [
    (
        "with a permit of the gate a message may be sent",
        """func send(_ gate: inout EgressGate, _ message: OutboundMessage) -> Effect? {
               guard case .success(let permit) = gate.authorise(message, trigger: .schedule, switches: [:]) else { return nil }
               return .egress(message, permit)
           }""",
        None,
    ),
    (
        "a permit made by hand",
        "let permit = Permit(flow: .c3, recipient: .controlCenter, fieldNames: [])",
        "inaccessible due to 'internal' protection level",
    ),
    (
        "an initialiser of one's own for permits",
        """extension Permit {
               init(forged flow: FlowID) { self.flow = flow; self.recipient = .backup; self.fieldNames = [] }
           }""",
        "may not be initialized directly",
    ),
    (
        "a permit for one flow turned into one for another",
        "func turn(_ permit: Permit) -> Permit { var other = permit; other.flow = .c8; return other }",
        "'flow' is a 'let' constant",
    ),
    ("a message without a permit", "func send(_ message: OutboundMessage) -> Effect { .egress(message) }", "missing argument"),
    ("an uplink without a permit", "let effect: Effect = .openUplink", "expects argument of type 'Permit'"),
    (
        "a call record without a permit",
        "func pass(_ id: ServiceRequestID, _ record: CallRecord) -> Effect { .serviceEvent(id, record) }",
        "missing argument",
    ),
    (
        "the device state without a permit",
        "func show(_ state: DeviceState) -> ServiceReply { .deviceState(state) }",
        "missing argument",
    ),
    (
        "a provisioning file without a permit",
        "func hand(_ file: [UInt8]) -> ServiceReply { .provisioningFile(file) }",
        "missing argument",
    ),
]
LINK_CASES = [
    (
        "the cloud link sends under a permit",
        "func send(_ link: CloudLink, _ message: OutboundMessage, _ permit: Permit) { link.send(message, permit: permit) }",
        None,
    ),
    ("the cloud link asked to send without one", "func send(_ link: CloudLink, _ message: OutboundMessage) { link.send(message) }", "missing argument for parameter 'permit'"),
    ("the cloud link asked for an uplink without one", "func open(_ link: CloudLink) { link.openUplink() }", "missing argument for parameter 'permit'"),
    (
        "the cloud link asked to fetch a backup without one",
        'func fetch(_ link: CloudLink) async throws { _ = try await link.fetch(.backup(id: "b"), as: CloudRequestID(1)) }',
        "missing argument for parameter 'permit'",
    ),
    (
        "the cloud link asked to pass a call record without one",
        "func pass(_ link: CloudLink, _ record: CallRecord, _ id: ServiceRequestID) { link.event(record, on: id) }",
        "missing argument for parameter 'permit'",
    ),
    (
        "the HTTP client behind it, taken directly",
        "func take(_ client: CloudClient) {}",
        "'CloudClient'",
    ),
]


def compiler(scratch, module):
    """swiftc with the search paths that the build used for `module`; None when it was not built."""
    manifest = (scratch / "debug.yaml").read_text()
    found = re.search(r'"C\.' + module + r'-[^"]*debug\.module":.*?\n    args: (\[.*?\])\n', manifest, re.S)
    if not found:
        return None
    given, kept = json.loads(found.group(1)), []
    for index, word in enumerate(given):
        if word in ("-I", "-F", "-Xcc", "-package-name", "-enable-upcoming-feature", "-swift-version", "-target", "-sdk"):
            kept += [word, given[index + 1]]
    return [given[0], "-typecheck", *kept]


def check(command, cases, extra=""):
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "case.swift"
        for name, code, expected in cases:
            file.write_text(HEAD + extra + code + "\n")
            run = subprocess.run([*command, str(file)], capture_output=True, text=True)
            if expected is None:
                holds = run.returncode == 0
            else:
                errors = [line for line in run.stderr.split("\n") if "error:" in line]
                holds = run.returncode != 0 and errors and all(expected in line for line in errors)
            print(f"{'ok  ' if holds else 'FAIL'} {name}: {'compiles' if expected is None else 'does not compile'}")
            if not holds:
                failures += 1
                print(run.stderr)
    return failures


def look_around():
    findings = []
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "Sources", "Tests"], capture_output=True, text=True).stdout
    for name in names.split("\n"):
        if not name.endswith(".swift") or not (ROOT / name).is_file():
            continue
        text = re.sub(r"//[^\n]*", "", (ROOT / name).read_text())
        if AROUND.search(text):
            findings.append(f"{name}: steps around the gate's access control")
        appliance = name.startswith(("Sources/Shell/", "Sources/Core/", "Sources/HAL/", "Sources/pbxd/"))
        if appliance and name not in OPENERS and OPENING.search(text):
            findings.append(f"{name}: opens a connection; send it through the cloud link, or say to whom in scripts/permits.py")
    return findings


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / ".build")
    options = parser.parse_args()
    core = compiler(options.scratch, "Simulation")
    if core is None:
        sys.exit(f"nothing is built in {options.scratch}; run 'make build' first")
    failures = check(core, CASES)
    link = compiler(options.scratch, "Reactor")
    if link is None:
        print("skipped: the cloud link is not built there")
    else:
        failures += check(link, LINK_CASES, "import CloudLink\n")
    findings = look_around()
    for finding in findings:
        print("FAIL", finding)
    if not findings:
        print(f"ok   of the appliance's files {len(OPENERS)} open connections, and none steps around the gate")
    sys.exit(1 if failures or findings else 0)


if __name__ == "__main__":
    main()
