#!/usr/bin/env python3
"""Runs libFuzzer over the SIP parsers (Tests/Fuzz) for a bounded time: kept crashers first, then new inputs from the seed corpus.

  fuzz.py [--seconds 30] [--only message,sdp,uri,digest] [--scratch .build/fuzz]

An input that fails is written to Tests/Fuzz/Crashers/<target>/ and makes the exit status 1."""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUZZ = ROOT / "Tests" / "Fuzz"
VECTORS = ROOT / "Tests" / "SIPMessageTests" / "Vectors"
TARGETS = {"message": [VECTORS / "rfc4475", VECTORS / "rfc5118"], "sdp": [], "uri": [], "digest": []}
LONGEST = {"message": 8_192, "sdp": 4_096, "uri": 512, "digest": 1_024}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30, help="for each target (default 30)")
    parser.add_argument("--only", default=",".join(TARGETS), help="targets, comma separated")
    parser.add_argument("--scratch", default=ROOT / ".build" / "fuzz", help="where the package is built")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := [t for t in wanted if t not in TARGETS]:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    print("building the fuzzer", flush=True)
    subprocess.run(["swift", "build", "-c", "release", "--package-path", FUZZ, "--scratch-path", options.scratch], check=True)
    binary, status = pathlib.Path(options.scratch) / "release" / "sipfuzz", 0
    for target in wanted:
        crashers = FUZZ / "Crashers" / target
        crashers.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fuzz-") as found:
            done = subprocess.run(
                [binary, f"-max_total_time={options.seconds}", f"-max_len={LONGEST[target]}", "-timeout=5", "-rss_limit_mb=1024", "-print_final_stats=1",
                 f"-artifact_prefix={crashers}/", found, FUZZ / "Corpus" / target, crashers, *TARGETS[target]],
                env={**os.environ, "FUZZ_TARGET": target, "SWIFT_BACKTRACE": "enable=no"}, capture_output=True, text=True, timeout=options.seconds + 120)
        runs = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
        features = re.findall(r"cov: (\d+) ft: (\d+)", done.stderr)
        shown = f"{int(runs[1]):,} inputs" if runs else "no count"
        print(f"fuzz {target}: {shown}, {features[-1][0] if features else '?'} edges covered, {'ok' if done.returncode == 0 else 'FAILED'}", flush=True)
        if done.returncode != 0:
            status = 1
            print("\n".join(done.stderr.splitlines()[-40:]), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
