#!/usr/bin/env python3
"""Proves the architecture rules that the compiler does not check.

  purity      Core (and the counterparts' cores) import only core targets and use no clock, randomness, locks or async
  direction   imports point down the layer map; sibling features do not import each other
  names       no vendor host name, no absolute path of a build machine
  size        no Swift file above 500 lines
  gate        no egress gate is made outside the core and the tests
  docs (--docs)  the code map names every target and no file that is not there, every ADR is listed, links resolve, and documents
              that comments speak of exist

Exit status 1 and one line per finding. --self-test feeds each rule an offender and fails if it is not caught."""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PURE_FOLDERS = ("Sources/Core/", "Sources/Counterparts/CloudCore/", "Sources/Counterparts/SoftphoneCore/")
PURE_EXTERNAL = {"OrderedCollections", "DequeModule", "HeapModule"}
FORBIDDEN_IN_CORE = {
    r"\bContinuousClock\b|\bSuspendingClock\b": "reads a clock",
    r"\bSystemRandomNumberGenerator\b|\.random\s*\(|\.randomElement\s*\(\s*\)|\.shuffled\s*\(\s*\)|\.shuffle\s*\(\s*\)": "draws randomness that was not injected",
    r"\bTask\b\s*[.{(<]|\basync\b|\bawait\b|\bactor\b|\bContinuation\b|\bTaskGroup\b": "is not synchronous",
    r"\bDate\s*\(|\bDispatch\w*\b|\bNSLock\b|\bMutex\s*[<(]|\bThread\b|\bpthread_\w+": "uses Foundation, Dispatch, locks or threads",
    r"\bprint\s*\(|\breadLine\s*\(|\bfopen\b|\bgetenv\b|\bProcessInfo\b|\bFileManager\b": "does input or output",
    r"\bnonisolated\s*\(\s*unsafe\s*\)|@unchecked\s+Sendable": "steps around concurrency checking",
}
# Secret wipes memory behind a reference; the reason stands in the file.
CORE_EXCEPTIONS = {("Sources/Core/Primitives/Secret.swift", "steps around concurrency checking")}
FEATURES = {"Registration", "Events", "CallControl", "Trunks", "Pairing", "Backup", "Telemetry", "Provisioning", "Updates", "CrashReports"}
HOST_NAMES = re.compile("|".join(["auerswald" + r"\.de", "auerproxy" + r"\.de", "zoiper" + r"\.com", "fontevo" + r"\.com"]), re.I)
BUILD_PATHS = re.compile(r"(?<![\w.])/(?:work|farm|home/\w+|Users/\w+)/")
LAYER_RANK = {"Core": 0, "HAL": 1, "Shell": 2, "Counterparts": 3, "Simulation": 4, "Programs": 5}
# HAL adapters sign and draw randomness with OpenSSL; OpenSSLCrypto itself knows only Primitives.
DIRECTION_EXCEPTIONS = {("HALLinux", "OpenSSLCrypto"), ("HALSimulated", "OpenSSLCrypto")}
FILE_LINES = 500
# The core's gate is the only one: a second one would give permits that no switch and no ledger knows of.
GATE = re.compile(r"\bEgressGate\s*(?:\.\s*init\s*)?\(")


def tracked(pattern="*"):
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    names = listed.stdout.split("\n") if listed.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")]
    return [n for n in names if n and pathlib.PurePath(n).match(pattern) and (ROOT / n).is_file()]


def code_of(text):
    """The text without comments and string literals, line structure kept."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'//[^\n]*|/\*.*?\*/|""".*?"""|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def manifest_targets():
    """Target name -> (layer, folder), by where its sources lie."""
    found = {}
    for layer in ("Core", "HAL", "Shell", "Counterparts"):
        for folder in sorted((ROOT / "Sources" / layer).glob("*/")):
            found[folder.name] = (layer, f"Sources/{layer}/{folder.name}")
    for simulation in ("Simulation", "LiveStage"):
        found[simulation] = ("Simulation", f"Sources/{simulation}")
    for program in ("pbxd", "pbxctl", "vendorcloud", "softphone", "pbxsim"):
        found[program] = ("Programs", f"Sources/{program}")
    return found


def target_of(name):
    parts = name.split("/")
    if len(parts) < 3 or parts[0] != "Sources":
        return None
    return parts[2] if parts[1] in ("Core", "HAL", "Shell", "Counterparts") and len(parts) > 3 else parts[1]


def imports(code):
    for number, line in enumerate(code.split("\n"), 1):
        match = re.match(r"\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:package |public |internal |private |fileprivate )?import (?:struct |class |enum |func |protocol )?(\w+)", line)
        if match:
            yield number, match.group(1)


def check_swift(name, text, targets):
    code = code_of(text)
    pure = name.startswith(PURE_FOLDERS)
    target = target_of(name)
    layer = targets.get(target, (None, None))[0]
    for number, module in imports(code):
        known = targets.get(module)
        if pure and not (module in PURE_EXTERNAL or known and (known[0] == "Core" or known[1] + "/" in PURE_FOLDERS)):
            yield f"{name}:{number}: the core imports {module}; it may import core targets only"
        if known and layer and (target, module) not in DIRECTION_EXCEPTIONS and LAYER_RANK[known[0]] > LAYER_RANK[layer]:
            yield f"{name}:{number}: {target} ({layer}) imports {module} ({known[0]}); imports point down"
        if target in FEATURES and module in FEATURES and module != target:
            yield f"{name}:{number}: feature {target} imports its sibling {module}; ApplianceCore introduces them"
    if pure:
        for pattern, reason in FORBIDDEN_IN_CORE.items():
            if (name, reason) in CORE_EXCEPTIONS:
                continue
            for match in re.finditer(pattern, code):
                number = code.count("\n", 0, match.start()) + 1
                yield f"{name}:{number}: the core {reason}: {match.group(0).strip()}"
    if not name.startswith(("Sources/Core/", "Tests/")):
        for match in GATE.finditer(code):
            number = code.count("\n", 0, match.start()) + 1
            yield f"{name}:{number}: makes an egress gate of its own; ask the core for a permit"
    lines = text.count("\n")
    if lines > FILE_LINES:
        yield f"{name}: {lines} lines, limit {FILE_LINES}; look for the second idea"


def check_text(name, text):
    for number, line in enumerate(text.split("\n"), 1):
        if HOST_NAMES.search(line):
            yield f"{name}:{number}: a vendor host name"
        if BUILD_PATHS.search(line):
            yield f"{name}:{number}: an absolute path of a build machine"


def check_tree():
    targets = manifest_targets()
    findings = []
    for name in tracked():
        raw = (ROOT / name).read_bytes()
        if b"\0" in raw or "/Vectors/" in name:
            continue
        text = raw.decode("utf-8", "replace")
        findings += check_text(name, text)
        if name.endswith(".swift"):
            findings += check_swift(name, text, targets)
    return findings


def check_docs():
    architecture = (ROOT / "docs/ARCHITECTURE.md").read_text()
    findings = [f"docs/ARCHITECTURE.md does not name the target {name} ({folder})"
                for name, (_, folder) in manifest_targets().items()
                if (ROOT / folder).is_dir() and not re.search(rf"\b{name}\b", architecture)]
    for name in tracked("*.md"):
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / name).read_text()):
            if "://" not in link and not ((ROOT / name).parent / link).exists():
                findings.append(f"{name}: the link to {link} leads nowhere")
    documents = {pathlib.PurePath(name).name for name in tracked("*.md")}
    for name in tracked("*.swift") + tracked("*.py"):
        for mentioned in set(re.findall(r"\b([A-Z][A-Z0-9_]+\.md)\b", (ROOT / name).read_text(errors="replace"))) - documents:
            findings.append(f"{name}: speaks of {mentioned}, which does not exist")
    for place in re.findall(r"`((?:Core|HAL|Shell|Counterparts)/[\w/.*]+)`", architecture):
        if not list((ROOT / "Sources").glob(place)):
            findings.append(f"docs/ARCHITECTURE.md: there is no Sources/{place}")
    readme = (ROOT / "docs/adr/README.md").read_text()
    findings += [f"docs/adr/README.md does not list {p.name}" for p in sorted((ROOT / "docs/adr").glob("0*.md")) if p.name not in readme]
    dependencies = (ROOT / "docs/DEPENDENCIES.md").read_text()
    for url in re.findall(r'\.package\(url: "[^"]*/([^/"]+)"', (ROOT / "Package.swift").read_text()):
        if url not in dependencies:
            findings.append(f"docs/DEPENDENCIES.md has no line for {url}")
    return findings


def self_test():
    targets = {"Primitives": ("Core", "Sources/Core/Primitives"), "Pairing": ("Core", "Sources/Core/Pairing"),
               "Backup": ("Core", "Sources/Core/Backup"), "Reactor": ("Shell", "Sources/Shell/Reactor"),
               "Transport": ("Shell", "Sources/Shell/Transport"), "HAL": ("HAL", "Sources/HAL/HAL")}
    offenders = [
        ("Sources/Core/Pairing/A.swift", "import Foundation\n", "core targets only"),
        ("Sources/Core/Pairing/A.swift", "package import Backup\n", "sibling"),
        ("Sources/Core/Pairing/A.swift", "let now = ContinuousClock.now\n", "clock"),
        ("Sources/Core/Pairing/A.swift", "let x = Int.random(in: 0..<3)\n", "randomness"),
        ("Sources/Core/Pairing/A.swift", "Task { }\n", "synchronous"),
        ("Sources/Core/Pairing/A.swift", "let d = Date()\n", "Foundation"),
        ("Sources/HAL/HAL/A.swift", "import Reactor\n", "point down"),
        ("Sources/Core/Pairing/A.swift", "//\n" * 501, "lines"),
        ("Sources/Shell/Reactor/A.swift", "var gate = EgressGate()\n", "gate of its own"),
    ]
    missed = [f"{reason}: not caught" for name, text, reason in offenders
              if not any(reason in finding for finding in check_swift(name, text, targets))]
    innocent = 'import Primitives\n// Task { } and Date() in a comment\nlet text = "ContinuousClock Task {"\n'
    missed += [f"false alarm: {finding}" for finding in check_swift("Sources/Core/Pairing/A.swift", innocent, targets)]
    if not list(check_text("a", "https://www." + "auerswald" + ".de/")) or not list(check_text("a", "x = '/" + "work/x'")):
        missed.append("host names or build paths: not caught")
    return missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--docs", action="store_true")
    options = parser.parse_args()
    findings = self_test() if options.self_test else check_docs() if options.docs else check_tree()
    print("\n".join(findings) if findings else f"lint{' self-test' if options.self_test else ' docs' if options.docs else ''}: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
