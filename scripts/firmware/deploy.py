#!/usr/bin/env python3
"""Hands a bundle to a running board over its administration, and waits for what its installer says. A board has no shell to copy
a program to: a developer's build goes the way of every update, with the same checks and the same way back."""
import argparse
import json
import pathlib
import ssl
import sys
import time
import urllib.error
import urllib.request


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("--host", required=True, help="ADDRESS or ADDRESS:PORT of the administration (port 8443)")
    parser.add_argument("--token-file", required=True)
    parser.add_argument("--ca", help="PEM file with the root of the board's certificate; without it the board is not authenticated")
    options = parser.parse_args()
    host = options.host if ":" in options.host else f"{options.host}:8443"
    context = ssl.create_default_context(cafile=options.ca)
    context.check_hostname = False
    if not options.ca:
        context.verify_mode = ssl.CERT_NONE
    token = pathlib.Path(options.token_file).read_text().strip()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))

    def call(method, data=None):
        request = urllib.request.Request(f"https://{host}/v1/firmware", data=data, method=method, headers={"Authorization": f"Bearer {token}"})
        with opener.open(request, timeout=300) as answer:
            return json.load(answer)
    try:
        print(call("PUT", pathlib.Path(options.bundle).read_bytes())["message"])
    except urllib.error.HTTPError as error:
        sys.exit(f"error: {error.code} {error.read().decode(errors='replace')[:300]}")
    deadline, last = time.monotonic() + 600, None
    while time.monotonic() < deadline:
        time.sleep(2)
        try:
            state = call("GET")
        except (OSError, ValueError):
            continue
        if state.get("state") != last:
            last = state.get("state")
            print(f"{last}: {state.get('detail', '')}" if last else "waiting for the installer")
        if last in ("installed", "refused"):
            return 0 if last == "installed" else 1
    sys.exit("error: the board's installer said nothing for ten minutes")


if __name__ == "__main__":
    sys.exit(main())
