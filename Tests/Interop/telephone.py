"""A small SIP telephone for what SIPp cannot play: TLS, one connection for both directions, peers that stall or break. Own work."""
import collections
import hashlib
import queue
import random
import re
import select
import socket
import ssl
import struct
import threading
import time

DOMAIN = "pbx.example"
SDP = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 96\r\n"
       "a=rtpmap:96 opus/48000/2\r\na=ptime:20\r\na={direction}\r\n")


def endpoint(text):
    """("::1", 5060) of "[::1]:5060"."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def digest(challenge, user, secret, method, uri, count=1):
    field = {k.lower(): v for k, v in re.findall(r'(\w+)="?([^",]+)"?', challenge)}
    md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
    cnonce, nc = "0a4f113b", f"{count:08x}"
    first, second = md5(f"{user}:{field['realm']}:{secret}"), md5(f"{method}:{uri}")
    response = md5(f"{first}:{field['nonce']}:{nc}:{cnonce}:auth:{second}")
    return (f'Authorization: Digest username="{user}", realm="{field["realm"]}", nonce="{field["nonce"]}", uri="{uri}", response="{response}", '
            f'algorithm=MD5, qop=auth, nc={nc}, cnonce="{cnonce}"')


class Message:
    """A received message, read with good will; `way` answers where it came from."""

    def __init__(self, raw, way=None):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "replace").split("\r\n")
        self.start, self.fields = lines[0], [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if ":" in line]
        self.status = int(lines[0].split()[1]) if lines[0].startswith("SIP/2.0 ") else None
        self.method = None if self.status else lines[0].split(" ")[0]
        self.way, self.size, self.at = way, len(raw), time.monotonic()

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name]

    def get(self, name):
        return next(iter(self.all(name)), "")


class Datagrams:
    """A UDP socket; what comes in goes to `receive(bytes, way)`, and `way` is a function that answers."""

    name = "UDP"

    def __init__(self, server, address, receive, port=0):
        self.server, self.receive = server, receive
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.socket.bind((address, port))
        self.local, self.ended = self.socket.getsockname()[:2], False
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def send(self, raw, to=None):
        try:
            self.socket.sendto(raw[:65_000], to or self.server)
        except OSError:
            pass

    def listen(self):
        while not self.ended:
            try:
                raw, source = self.socket.recvfrom(65_535)
            except ConnectionError:  # nobody was there for what we sent
                continue
            except OSError:
                return
            self.receive(raw, lambda answer, source=source: self.send(answer, source))

    def close(self):
        """Wakes the thread up first, so that the port is free afterwards."""
        self.ended = True
        try:
            self.socket.shutdown(socket.SHUT_RD)
        except OSError:  # not connected: it wakes up all the same
            pass
        self.thread.join(2)
        self.socket.close()


class Stream:
    """One TCP or TLS connection, cut into messages and keep-alives."""

    name = "TCP"

    def __init__(self, connected, receive):
        self.socket, self.receive = connected, receive
        self.local = connected.getsockname()[:2]
        self.busy, self.pongs, self.ended = threading.Lock(), 0, threading.Event()  # a TLS session bears one thread at a time
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    @classmethod
    def to(cls, server, address, receive, tls=None):
        """`tls` is an `ssl.SSLContext` that verifies whom it talks to."""
        connected = socket.create_connection(server, 10, source_address=(address, 0))
        stream = cls(tls.wrap_socket(connected, server_hostname=server[0]) if tls else connected, receive)
        stream.name = "TLS" if tls else "TCP"
        return stream

    def send(self, raw):
        try:
            with self.busy:
                self.socket.settimeout(5)
                self.socket.sendall(raw)
        except OSError:
            pass

    def take(self):
        """What has come; nothing at the end of the connection."""
        while True:
            if self.ended.is_set():
                return b""
            select.select([self.socket], [], [])
            try:
                with self.busy:
                    self.socket.settimeout(0)
                    taken = self.socket.recv(65_535)
                    while isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
                        taken += self.socket.recv(65_535)
                    return taken
            except (BlockingIOError, ssl.SSLWantReadError):
                continue
            except OSError:
                return b""

    def listen(self):
        buffer = b""
        while chunk := self.take():
            buffer += chunk
            while buffer:
                if buffer.startswith(b"\r\n"):
                    self.pongs, buffer = self.pongs + 1, buffer[2:]
                    continue
                head, end, rest = buffer.partition(b"\r\n\r\n")
                length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
                length = int(length[1]) if length else 0
                if not end or len(rest) < length:
                    break
                self.receive(head + end + rest[:length], self.send)
                buffer = rest[length:]
        self.ended.set()

    def break_off(self):
        """RST instead of FIN, as of a telephone whose power was cut and came back."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close(socket.SHUT_RD)

    def close(self, how=socket.SHUT_RDWR):
        """The number of the socket is free for others only when the listening thread has let go of it."""
        try:
            socket.socket.shutdown(self.socket, how)
        except OSError:
            pass
        if threading.current_thread() is self.thread:
            self.ended.set()
        else:
            self.thread.join(2)
        self.socket.close()


class Listener:
    """A TCP port at which a telephone may be called; what is accepted is served like everything else."""

    def __init__(self, local, receive):
        self.socket, self.receive, self.accepted = socket.socket(socket.AF_INET6 if ":" in local[0] else socket.AF_INET), receive, []
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(local)
        self.socket.listen(8)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                connected, _ = self.socket.accept()
            except OSError:
                return
            self.accepted.append(Stream(connected, self.receive))

    def close(self):
        for end in (lambda: self.socket.shutdown(socket.SHUT_RDWR), self.socket.close):
            try:
                end()
            except OSError:
                pass
        for stream in self.accepted:
            stream.close()


class Telephone:
    """A user agent of one user over UDP, TCP or TLS; `mangle` sees every message before it is sent and may change or keep it."""

    def __init__(self, server, user, secret, address=None, transport="udp", tls=None, port=0, mangle=None):
        self.server, self.user, self.secret, self.mangle = server, user, secret, mangle or (lambda raw: [raw])
        self.answers, self.requests, self.sent, self.rings = queue.Queue(), collections.deque(maxlen=100), 0, ()
        address = address or ("::1" if ":" in server[0] else "127.0.0.1")
        self.link = Datagrams(server, address, self.receive, port) if transport == "udp" else Stream.to(server, address, self.receive, tls)
        self.transport, self.port, self.address = self.link.name, self.link.local[1], f"[{address}]" if ":" in address else address
        self.host = f"[{server[0]}]" if ":" in server[0] else server[0]
        parameter = "" if transport == "udp" else f";transport={transport}"
        self.identity, self.contact = f"<sip:{user}@{DOMAIN}>", f"<sip:{user}@{self.address}:{self.port}{parameter}>"
        self.sent_by, self.listener = f"{self.address}:{self.port}", None

    def accept(self, port=None):
        """From now on the telephone may be reached at that TCP port too; without one, at the port that it sends from."""
        self.listener = Listener((self.address.strip("[]"), port or self.port), self.receive)

    def token(self):
        return f"{random.getrandbits(64):016x}"

    def send(self, lines, body="", way=None):
        lines = [*lines, f"Content-Length: {len(body)}", "", body]
        for raw in self.mangle("\r\n".join(lines).encode()):
            self.sent += 1
            (way or self.link.send)(raw)

    def receive(self, raw, way):
        if len(raw) < 16:
            return
        try:
            message = Message(raw, way)
            if message.status:
                self.answers.put(message)
            else:
                self.requests.append(message)
                self.serve(message)
        except (ValueError, IndexError):
            pass

    def reply(self, request, status, body="", fields=()):
        to = request.get("to")
        to += "" if ";tag=" in to or status == "100 Trying" else f";tag={self.user}{self.port}"
        self.send([f"SIP/2.0 {status}", *(f"Via: {v}" for v in request.all("via")), f"From: {request.get('from')}", f"To: {to}",
                   f"Call-ID: {request.get('call-id')}", f"CSeq: {request.get('cseq')}", f"Contact: {self.contact}", *fields,
                   *(["Content-Type: application/sdp"] if body else [])], body, request.way)

    def serve(self, request):
        """As callee: rings, answers, and says yes to what comes in the dialog; only rings while `rings` is set. It has no SRTP."""
        if request.method == "INVITE" and b"RTP/SAVP" in request.body:
            self.reply(request, "488 Not Acceptable Here")
        elif request.method == "INVITE":
            self.reply(request, "180 Ringing")
            if not self.rings:
                self.reply(request, "200 OK", SDP.format(port=20_000 + 2 * (self.port % 5_000), direction="sendrecv"))
        elif request.method != "ACK":
            self.reply(request, "200 OK")

    def asked(self, method):
        """The requests of that method that have come."""
        return [request for request in list(self.requests) if request.method == method]

    def request(self, method, uri, to, call, cseq, fields=(), body="", branch=None, content="application/sdp"):
        branch = branch or f"z9hG4bK{self.token()}"
        self.send([f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/{self.transport} {self.sent_by};branch={branch};rport", "Max-Forwards: 70",
                   f"From: {self.identity};tag={call}", f"To: {to}", f"Call-ID: {call}@{self.address}", f"CSeq: {cseq} {method}", f"Contact: {self.contact}",
                   *fields, *([f"Content-Type: {content}"] if body else [])], body)
        return branch

    def answer(self, call, cseq, method, timeout, final=True):
        """The (final) response to that request; None when none comes in time."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self.answers.get(timeout=left)
            except queue.Empty:
                return None
            if message.get("call-id").startswith(call) and message.get("cseq").split() == [str(cseq), method] and (message.status >= 200 or not final):
                return message
        return None

    def transact(self, method, uri, to, call, cseq, fields=(), body="", timeout=4.0, tries=8):
        """Sends (over UDP with retransmissions), answers one challenge; the final response and the CSeq that it answers."""
        for attempt in range(2):
            branch, message, interval = None, None, 0.5
            for _ in range(tries):
                if branch is None or self.transport == "UDP":
                    branch = self.request(method, uri, to, call, cseq, fields, body, branch)
                message = self.answer(call, cseq, method, min(interval, timeout))
                if message:
                    break
                interval = min(interval * 2, 4)
            if message and method == "INVITE" and message.status >= 300:
                self.request("ACK", uri, message.get("to"), call, cseq, branch=branch)
            if not message or message.status != 401 or attempt:
                return message, cseq
            challenge = next((v for v in message.all("www-authenticate") if "MD5" in v), message.get("www-authenticate"))
            fields = (*fields, digest(challenge, self.user, self.secret, method, uri))
            cseq += 1
        return None, cseq

    def register(self, fields=(), expires=300, **options):
        message, _ = self.transact("REGISTER", f"sip:{DOMAIN}", self.identity, self.token(), 1, (f"Expires: {expires}", *fields), **options)
        return message is not None and message.status == 200

    def call(self, number, hold=0.2, **options):
        """A whole call; "" when it was answered and ended well, else what went wrong."""
        call, uri = self.token(), f"sip:{number}@{self.host}:{self.server[1]}"
        message, cseq = self.transact("INVITE", uri, f"<sip:{number}@{DOMAIN}>", call, 1, body=SDP.format(port=30_000, direction="sendrecv"), **options)
        if not message or message.status != 200:
            return f"{message.status} {message.get('retry-after')}".strip() if message else "no answer"
        target = re.search(r"<([^>]*)>", message.get("contact"))
        target = target[1] if target else uri
        self.request("ACK", target, message.get("to"), call, cseq)
        time.sleep(hold)
        ended, _ = self.transact("BYE", target, message.get("to"), call, cseq + 1, **options)
        return "" if ended is not None and ended.status == 200 else "BYE was not answered"

    def hang_up(self, invite):
        """BYE from the callee in the dialog of that INVITE; the response."""
        target, call = re.search(r"<([^>]*)>", invite.get("contact"))[1], invite.get("call-id")
        self.send([f"BYE {target} SIP/2.0", f"Via: SIP/2.0/{self.transport} {self.sent_by};branch=z9hG4bK{self.token()};rport", "Max-Forwards: 70",
                   f"From: {invite.get('to')};tag={self.user}{self.port}", f"To: {invite.get('from')}", f"Call-ID: {call}", "CSeq: 1 BYE"])
        return self.answer(call, 1, "BYE", 4)

    def close(self):
        self.link.close()
        if self.listener:
            self.listener.close()
