"""A headless Chromium that is driven by its keyboard alone, over the DevTools protocol on a pair of pipes."""
import base64
import fcntl
import json
import os
import select
import signal
import subprocess
import time

from harness import Failed, require, until

KEYS = {"Tab": ("Tab", 9, ""), "Enter": ("Enter", 13, "\r"), "Escape": ("Escape", 27, ""), " ": ("Space", 32, " "),
        "ArrowDown": ("ArrowDown", 40, ""), "ArrowUp": ("ArrowUp", 38, ""), "Home": ("Home", 36, ""), "End": ("End", 35, ""),
        "Backspace": ("Backspace", 8, ""), "a": ("KeyA", 65, "a")}
# Nothing but loopback is ever resolved or dialled, whatever the browser itself would like to fetch.
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-default-apps", "--disable-extensions", "--metrics-recording-only", "--disable-dev-shm-usage",
         "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--remote-debugging-pipe", "--lang=en-US", "--force-prefers-reduced-motion"]


class Browser:
    """Starts Chromium with a profile of its own; `events` collects what it reports."""

    def __init__(self, directory, program="chromium", size=(1280, 900)):
        self.profile, self.downloads, self.pictures = directory / "profile", directory / "downloads", directory / "pictures"
        for each in (self.downloads, self.pictures):
            each.mkdir(parents=True, exist_ok=True)
        ours, theirs = zip(*[self._pipe(i == 0) for i in range(2)])
        self.to_browser, self.from_browser = self.ends = ours

        def place():
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)
        environment = {**os.environ, "HOME": str(directory), "LANGUAGE": "en", "TZ": "UTC"}
        self.process = subprocess.Popen(
            [program, *FLAGS, f"--window-size={size[0]},{size[1]}", f"--user-data-dir={self.profile}", "about:blank"], pass_fds=(3, 4), preexec_fn=place,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(directory / "browser.log", "wb"), env=environment, start_new_session=True)
        for end in theirs:
            os.close(end)
        self.number, self.buffer, self.events, self.session = 0, b"", [], None
        target = until("a page of the browser", lambda: next(
            (t["targetId"] for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"), None))
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility", "DOM"):
            self.call(f"{domain}.enable")
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads), eventsEnabled=True)
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        self.call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)

    @staticmethod
    def _pipe(we_write):
        """(our end, the browser's end), both above the numbers that the browser expects them at."""
        read, write = os.pipe()
        high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in (read, write)]
        os.close(read)
        os.close(write)
        return (high[1], high[0]) if we_write else (high[0], high[1])

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        for end in self.ends:
            os.close(end)
        self.ends = ()

    # --- protocol

    def call(self, method, timeout=20, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to_browser, data):]
        deadline, wanted = time.monotonic() + timeout, self.number
        while True:
            answer = self._next(deadline - time.monotonic())
            if answer is None:
                raise Failed(f"the browser did not answer {method} within {timeout} s")
            if answer.get("id") == wanted:
                if "error" in answer:
                    raise Failed(f"{method}: {answer['error']}")
                return answer["result"]

    def _next(self, timeout):
        """The next message; events are kept too. None when none came in time."""
        while b"\0" not in self.buffer:
            if not select.select([self.from_browser], [], [], max(0, timeout))[0]:
                return None
            piece = os.read(self.from_browser, 1 << 16)
            if not piece:
                raise Failed(f"the browser ended ({self.process.poll()})")
            self.buffer += piece
        raw, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(raw)
        if "method" in message:
            self.events.append(message)
        return message

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise Failed(f"{expression}: {answer['exceptionDetails'].get('exception', {}).get('description', answer['exceptionDetails'])}")
        return answer["result"].get("value")

    def requests(self):
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def complaints(self):
        """What the page did wrong: exceptions, violations of its own security policy, errors in the log."""
        found = [e["params"]["exceptionDetails"].get("exception", {}).get("description", "exception") for e in self.events if e["method"] == "Runtime.exceptionThrown"]
        for event in self.events:
            if event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                entry = event["params"]["entry"]
                # The browser itself logs each refusal that the page handles.
                if entry["source"] != "network":
                    found.append(entry["text"])
        return found

    # --- the user

    def open(self, url):
        self.call("Page.navigate", url=url)
        until("the page", lambda: self.evaluate("document.readyState") == "complete")

    def press(self, key, shift=False, control=False):
        code, number, text = KEYS[key]
        modifiers = (8 if shift else 0) | (2 if control else 0)
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number, "modifiers": modifiers}
        text = {} if control or not text else {"text": text, "unmodifiedText": text}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **common, **text,
                  **({"commands": ["selectAll"]} if control and key == "a" else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        for character in text:
            self.call("Input.dispatchKeyEvent", type="keyDown", key=character, text=character, unmodifiedText=character)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=character)

    def fill(self, selector, text):
        self.tab_to(selector)
        self.press("a", control=True)
        self.press("Backspace")
        self.type(text)

    def tab_to(self, selector, limit=80):
        """Presses Tab until the element has the focus: what cannot be reached so, cannot be used with a keyboard."""
        for _ in range(limit):
            if self.evaluate(f"!!document.activeElement && document.activeElement.matches({json.dumps(selector)})"):
                visible = self.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                require(visible != "none", f"the focus on {selector} cannot be seen")
                return
            self.press("Tab")
        raise Failed(f"{selector} cannot be reached with Tab; the focus is on {self.evaluate('document.activeElement.outerHTML.slice(0, 200)')}")

    def activate(self, selector, key="Enter"):
        self.tab_to(selector)
        self.press(key)

    def choose(self, selector, value):
        """Another entry of a select element, with the arrow keys."""
        self.tab_to(selector)
        self.press("Home")
        for _ in range(20):
            if self.evaluate("document.activeElement.value") == value:
                return
            self.press("ArrowDown")
        raise Failed(f"{selector} has no entry '{value}'")

    def text(self, selector):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def see(self, what, expression, timeout=20):
        return until(what, lambda: self.evaluate(expression), timeout)

    def picture(self, name):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 2400), "scale": 1})["data"]
        path = self.pictures / f"{name}.png"
        path.write_bytes(base64.b64decode(data))
        return path

    # --- who cannot see it

    def check_accessible(self, view):
        """Every control has a name, each view one heading of the first order, no order of its own for Tab."""
        named = {"button", "link", "textbox", "searchbox", "combobox", "img", "figure", "table", "region", "dialog", "navigation", "checkbox", "Date"}
        nameless = []
        for node in self.call("Accessibility.getFullAXTree")["nodes"]:
            role = node.get("role", {}).get("value")
            if node.get("ignored") or role not in named or role == "figure":
                continue
            if not node.get("name", {}).get("value", "").strip():
                nameless.append(role)
        require(not nameless, f"{view}: without a name for who cannot see it: {nameless}")
        headings = self.evaluate("[...document.querySelectorAll('h1,h2,h3')].filter(n => n.offsetParent !== null).map(n => n.tagName)")
        require(headings.count("H1") == 1, f"{view}: the headings are {headings}")
        require(headings == sorted(headings), f"{view}: the headings go {headings}")
        require(self.evaluate("[...document.querySelectorAll('[tabindex]')].every(n => n.tabIndex <= 0)"), f"{view}: a positive tabindex")
        require(self.evaluate("[...document.querySelectorAll('input,select')].every(n => n.labels.length || n.getAttribute('aria-label'))"),
                f"{view}: a field without a label")
