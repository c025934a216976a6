"""What the stories and measurements share: start programs, read their JSON lines, end them by pid, report steps."""
import argparse
import json
import os
import pathlib
import queue
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request


class Failed(Exception):
    """A step of the story did not show what it must."""


class Program:
    """A started program whose standard output is read line by line as JSON events; it is ended by its own pid."""

    def __init__(self, name, arguments, log, environment=None, stdin=None):
        self.name, self.log_path, self.events, self.seen = name, log, queue.Queue(), []
        self.log = open(log, "ab")
        self.process = subprocess.Popen(
            [str(a) for a in arguments], stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            env={**os.environ, **(environment or {})}, start_new_session=True)
        if stdin is not None:
            self.process.stdin.write(stdin.encode())
            self.process.stdin.close()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for raw in self.process.stdout:
            try:
                event = json.loads(raw)
            except ValueError:
                event = {"event": "text", "text": raw.decode("utf-8", "replace").rstrip()}
            self.seen.append(event)
            self.events.put(event)
        self.events.put(None)

    def wait_for(self, name, timeout=20):
        """The next event of that name; an exit or a time-out before it fails with the log's tail."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                event = self.events.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise Failed(f"{self.name} did not report '{name}' within {timeout} s\n{self.tail()}") from None
            if event is None:
                raise Failed(f"{self.name} ended ({self.process.wait()}) before it reported '{name}'\n{self.tail()}")
            if event.get("event") == name:
                return event

    def wait_exit(self, timeout=20):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} (pid {self.process.pid}) did not end within {timeout} s\n{self.tail()}") from None

    def terminate(self, timeout=40):
        """SIGTERM, then the exit status; SIGKILL when the time is over."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        return self.process.returncode

    def tail(self, lines=25):
        text = pathlib.Path(self.log_path).read_text(errors="replace").splitlines()[-lines:]
        text += [event["text"] for event in self.seen[-lines:] if event.get("event") == "text"]
        return f"--- {self.log_path}\n" + "\n".join(text)


class Story:
    """Numbered steps with what was verified; programs and the scratch directory are gone at the end, whatever happened."""

    capture = None

    def __init__(self, quiet=False, keep=None):
        self.quiet, self.count, self.programs, self.started = quiet, 0, [], time.monotonic()
        self.directory = pathlib.Path(keep or tempfile.mkdtemp(prefix="pbx-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.temporary = keep is None

    def step(self, what, verified):
        self.count += 1
        if not self.quiet:
            print(f"{self.count:2}. {what}: {verified}  [{time.monotonic() - self.started:.1f} s]", flush=True)

    def start(self, name, arguments, **options):
        program = Program(name, arguments, self.directory / f"{name}.log", **options)
        self.programs.append(program)
        return program

    def end(self):
        if self.capture:
            self.capture.end()
        statuses = [(p.name, p.process.pid, p.terminate(timeout=10)) for p in reversed(self.programs)]
        if self.temporary:
            shutil.rmtree(self.directory, ignore_errors=True)
        return statuses


def run(arguments, check=True, stdin=None, environment=None, timeout=60):
    """A finished command's standard output; a non-zero exit fails with both of its outputs."""
    done = subprocess.run([str(a) for a in arguments], input=stdin, capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, **(environment or {})})
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout if check else done


# Cookies by host and port: who has logged in there (`log_in`), sends its requests as that user.
_sessions = {}


def open_url(method, url, body=None, timeout=10):
    """The answer as it comes; no proxy."""
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    headers = {"Content-Type": "application/json"} if data else {}
    cookie = _sessions.get(urllib.parse.urlsplit(url).netloc)
    request = urllib.request.Request(url, data=data, method=method, headers={**headers, **({"Cookie": cookie} if cookie else {})})
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout)


def log_in(web, login, password):
    """All later requests to the Control Center at `web` are this user's."""
    with open_url("POST", f"http://{web}/api/session", {"login": login, "password": password}) as answer:
        _sessions[web] = answer.headers["Set-Cookie"].split(";")[0]


def http(method, url, body=None, timeout=10):
    """(status, content type, body as text) of one request; errors are answers too."""
    try:
        with open_url(method, url, body, timeout) as answer:
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Content-Type", ""), error.read()


def get_json(url):
    status, _, body = http("GET", url)
    if status != 200:
        raise Failed(f"GET {url}: {status} {body[:300]!r}")
    return json.loads(body)


def until(what, probe, timeout=20, pause=0.1):
    """Repeats `probe` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"waited {timeout} s in vain for: {what} (last seen: {found!r})")
        time.sleep(pause)


def require(condition, text):
    if not condition:
        raise Failed(text)


_given, _giving = set(), threading.Lock()


def free_port(address="127.0.0.1"):
    """A port that nobody has for UDP and TCP alike; each is given out once. It lies below those that the system gives to whoever
    asks for any, so that nobody takes it before the program that it is for, and beside the media ports of the stories."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for port in random.sample(range(28_700, 32_700), 400):
        with _giving, socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family) as tcp:
            try:
                udp.bind((address, port))
                tcp.bind((address, port))
            except OSError:
                continue
            if port not in _given:
                _given.add(port)
                return port
    raise Failed("found no port that is free for UDP and TCP")


def end_on_signals():
    """SIGINT and SIGTERM become exceptions, so that what was started is ended; also where the caller had them ignored."""
    def raise_exit(number, _):
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, raise_exit)


def story_parser(description):
    """The options that every story has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="directory with the built programs")
    parser.add_argument("--keep", help="keep data, logs and captures in this directory")
    return parser


def played(name, story, play=None, what="steps verified"):
    """Plays a story (or the part that is given) and ends it, whatever happened; the exit status. Of a failure its programs' last words
    are printed too."""
    try:
        (play or story.story)()
        print(f"{name}: {story.count} {what} in {time.monotonic() - story.started:.1f} s", flush=True)
        return 0
    except (Failed, KeyError, TypeError, OSError, ValueError, subprocess.TimeoutExpired) as error:
        for program in story.programs:
            print(program.tail(15), file=sys.stderr)
        return fail(error if isinstance(error, Failed) else f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        return 130
    finally:
        story.end()


def fail(error):
    print(f"FAILED: {error}", file=sys.stderr, flush=True)
    return 1
