"""Cases about connections, keep-alives and listeners: what a telephone of our own plays, because SIPp cannot.

Each gets a `Stage`, as those of cases.py do. Not played: that a connection over which nothing went for 900 s is closed
(`Limits.sipConnectionIdle`); no configuration makes that shorter. Own work."""
import os
import re
import socket
import struct
import time

from cases import case, ordinary
from harness import free_port, require, until
from scenario import Caller, sdp
from telephone import DOMAIN, Stream

QUICK = 5  # seconds: far less than the 32 of a transaction that waits in vain


def arrived(phone, method="INVITE", number=1, seconds=QUICK):
    """The request, once so many of its kind have come."""
    return until(f"{method} number {number} at {phone.user}", lambda: len(found := phone.asked(method)) >= number and found[number - 1], seconds, 0.01)


def well(trouble):
    require(not trouble, f"the call went wrong: {trouble}")


def clean_failure(caller, callee, statuses, seconds=QUICK):
    """The call is refused with one of these, and soon."""
    began = time.monotonic()
    trouble = caller.call(callee, timeout=40)
    took = time.monotonic() - began
    require(trouble[:3] in statuses, f"expected {' or '.join(statuses)}, got '{trouble or 'an answered call'}' after {took:.1f} s")
    require(took < seconds, f"the refusal took {took:.1f} s")


def via(request):
    return request.get("via").split()[0]


# --- keep-alives (RFC 5626 sections 3.5, 4.4)


def pings(stage, listener):
    a, = stage.users(1)
    phone = stage.telephone(a, listener)
    link = phone.link
    link.send(b"\r\n\r\n")
    until("the pong before any message", lambda: link.pongs == 1, QUICK, 0.01)
    require(phone.register(), "could not register over the connection that was pinged")
    for byte in b"\r\n\r\n":
        link.send(bytes([byte]))
        time.sleep(0.02)
    until("the pong to a ping in four pieces", lambda: link.pongs == 2, QUICK, 0.01)
    phone.mangle = lambda raw: [b"\r\n\r\n" + raw + b"\r\n\r\n"]
    require(phone.register(), "a message between pings was not understood")
    until("the pongs to pings around messages", lambda: link.pongs == 6, QUICK, 0.01)  # REGISTER went twice, for its challenge
    time.sleep(0.2)
    require(link.pongs == 6 and not link.ended.is_set(), f"{link.pongs} pongs to 6 pings, ended: {link.ended.is_set()}")


@case
def ping_over_tcp(stage):
    """CRLF CRLF over TCP is answered by one CRLF: before, between and after messages, and in pieces (RFC 5626 section 4.4.1)"""
    pings(stage, "sip-tcp")


@case
def ping_over_tls(stage):
    """the same over TLS, whose certificate the telephone verifies"""
    pings(stage, "sips")


def stun(link, attributes=b""):
    """One Binding request over that socket; (type, attributes by number) of its answer."""
    transaction = os.urandom(12)
    link.send(struct.pack("!HHI", 0x0001, len(attributes), 0x2112A442) + transaction + attributes)
    raw = link.socket.recv(2048)
    kind, length, cookie = struct.unpack("!HHI", raw[:8])
    require(cookie == 0x2112A442 and raw[8:20] == transaction and len(raw) == 20 + length, f"no STUN answer to ours: {raw.hex()}")
    found, rest = {}, raw[20:]
    while rest:
        number, size = struct.unpack("!HH", rest[:4])
        found[number], rest = rest[4:4 + size], rest[4 + (size + 3) // 4 * 4:]
    return kind, found, transaction


class Probe:
    """A bare UDP socket that nobody else reads."""

    def __init__(self, server):
        self.socket = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(server)  # an answer from elsewhere is not heard
        self.socket.settimeout(QUICK)
        self.send = self.socket.send


@case
def stun_keep_alive(stage):
    """a Binding request on each UDP port of SIP is answered with the address that it came from; what must be understood and is not gives 420 (RFC 5626 section 4.4.2)"""
    for name in ("sip-udp", "sip-udp-2", "sip-udp-3"):
        link = Probe(stage.listener(name))
        with link.socket:
            host, port = link.socket.getsockname()[:2]
            kind, found, transaction = stun(link)
            require(kind == 0x0101 and 0x0020 in found, f"{name}: answer {kind:#x} with {sorted(found)}")
            value, mask = found[0x0020], struct.pack("!I", 0x2112A442) + transaction
            plain = bytes(a ^ b for a, b in zip(value[4:], mask))
            family = {1: socket.AF_INET, 2: socket.AF_INET6}[value[1]]
            shown = socket.inet_ntop(family, plain), struct.unpack("!H", value[2:4])[0] ^ 0x2112
            require(shown == (host, port), f"{name}: we are {host}:{port}, the answer says {shown}")
            kind, found, _ = stun(link, struct.pack("!HH", 0x7ABC, 4) + b"what")
            require(kind == 0x0111 and found.get(0x0009, b"")[2:4] == b"\x04\x14", f"{name}: an unknown attribute gave {kind:#x} {found}")
            link.send(b"\r\n\r\n")  # a port mapping's keep-alive: nothing comes back, as in RFC 3261 section 7.5
            link.socket.settimeout(0.3)
            try:
                require(False, f"{name}: CRLF over UDP was answered by {link.socket.recv(100)!r}")
            except TimeoutError:
                pass


@case
def peer_stalls(stage):
    """half a message, silence and a TLS handshake that never begins are closed after their 32 s; a registered telephone that is idle stays"""
    a, b = stage.users(2)
    idle = stage.telephone(b, "sip-tcp")
    require(idle.register(), "could not register")
    half = b"INVITE sip:600@pbx.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bKhalf\r\nContent-Len"
    stalled = {"half a message": ("sip-tcp", half), "silence": ("sip-tcp", b""), "no handshake": ("sips", b""), "a trickle": ("sip-tcp", half)}
    began, links, closed = time.monotonic(), {}, {}
    for name, (listener, first) in stalled.items():
        links[name] = Stream.to(stage.listener(listener), "127.0.0.1", lambda raw, way: None)
        links[name].send(first)
    try:
        while len(closed) < len(links) and time.monotonic() - began < 40:
            time.sleep(0.25)
            links["a trickle"].send(b"x")
            for name, link in links.items():
                if name not in closed and link.ended.is_set():
                    closed[name] = time.monotonic() - began
    finally:
        for link in links.values():
            link.close()
    require(set(closed) == set(links), f"still open after 40 s: {', '.join(sorted(set(links) - set(closed)))}")
    require(all(30 < seconds < 36 for seconds in closed.values()), f"closed after {closed}")
    require(not idle.link.ended.is_set(), "the registered telephone's connection was closed as well")
    well(stage.telephone(a).call(b))


# --- listeners, IPv6


@case
def several_listeners(stage):
    """two UDP ports and one of TCP serve at once: telephones of each call each other, and answers come from the port that was asked"""
    a, b, c = stage.users(3)
    phones = [stage.telephone(user, name) for user, name in ((a, "sip-udp"), (b, "sip-udp-2"), (c, "sip-tcp"))]
    for phone in phones[:2]:
        phone.link.socket.connect(phone.server)  # what comes from another port is not heard
    for phone in phones:
        require(phone.register(), f"{phone.user} could not register")
    for caller in phones:
        for callee in phones:
            if caller is not callee:
                well(caller.call(callee.user, hold=0.05))
                port = arrived(callee).get("contact").rsplit(":", 1)[1]
                require(int(re.match(r"\d+", port)[0]) == callee.server[1], f"our Contact towards {callee.user} names port {port}")


@case
def call_over_ipv6(stage):
    """telephones on ::1 over UDP, TCP and TLS call each other and one on IPv4; Via and Contact name us as they reach us"""
    names = ("sip-udp-3", "sip-tcp-2", "sips-2", "sip-udp")
    phones = [stage.telephone(user, name) for user, name in zip(stage.users(4), names)]
    for phone in phones:
        require(phone.register(), f"{phone.user} could not register over {phone.transport} from {phone.address}")
    for caller, callee in zip(phones, phones[1:] + phones[:1]):
        well(caller.call(callee.user))
        invite = arrived(callee)
        here = f"{callee.host}:{callee.server[1]}"
        require(f" {here}" in invite.get("via") and f"@{here}" in invite.get("contact"), f"towards {here}: {invite.get('via')}, {invite.get('contact')}")


@case
def sipp_over_ipv6(stage):
    """SIPp over ::1: challenge, call to a telephone on IPv4, BYE"""
    a, b = stage.users(2)
    caller, callee = ordinary(body=sdp(address="127.0.0.1").replace("IP4 [local_ip]", "IP4 127.0.0.1", 1))
    stage.answers(b, callee)
    process = stage.sipp(caller, a, b, None, "udp", 30, to=stage.play.listeners["sip-udp-3"], address="::1")
    stage.finish(process)


# --- connections


def over_its_connection(stage, listener):
    """Nobody listens where the Contact points to; the connection that registered carries all."""
    a, b = stage.users(2)
    caller, callee = stage.telephone(a), stage.telephone(b, listener)
    # The Contact names another port, at which a connection would be noticed.
    trap = socket.create_server(("127.0.0.1", 0))
    trap.settimeout(0.2)
    with trap:
        callee.contact = f"<sip:{b}@127.0.0.1:{trap.getsockname()[1]};transport={callee.transport.lower()}>"
        require(callee.register() and caller.register(), "could not register")
        for _ in range(2):
            well(caller.call(b))
        require(via(arrived(callee, number=2)) == f"SIP/2.0/{callee.transport}", f"the INVITE's Via is {via(arrived(callee))}")
        arrived(callee, "BYE", number=2)
        well(callee.call(a))
        try:
            trap.accept()
            require(False, "a new connection was opened although one was there")
        except TimeoutError:
            pass


@case
def called_over_its_tcp_connection(stage):
    """a telephone behind TCP is called over the connection that it registered on, and no other is opened (RFC 5923, RFC 3261 section 18)"""
    over_its_connection(stage, "sip-tcp")


@case
def called_over_its_tls_connection(stage):
    """the same over TLS; and it calls out over it"""
    over_its_connection(stage, "sips")


@case
def callee_hangs_up_over_tls(stage):
    """BYE from a callee on TLS reaches the caller"""
    a, b = stage.users(2)
    caller, callee = stage.telephone(a), stage.telephone(b, "sips")
    require(callee.register(), "could not register")
    call, uri = caller.token(), f"sip:{b}@{caller.host}:{caller.server[1]}"
    answer, cseq = caller.transact("INVITE", uri, f"<sip:{b}@{DOMAIN}>", call, 1, body=sdp_of(caller))
    require(answer and answer.status == 200, f"the call was answered by {answer and answer.start}")
    caller.request("ACK", re.search(r"<([^>]*)>", answer.get("contact"))[1], answer.get("to"), call, cseq)
    arrived(callee, "ACK")
    ended = callee.hang_up(arrived(callee))
    require(ended and ended.status == 200, f"the BYE was answered by {ended and ended.start}")
    arrived(caller, "BYE")


def sdp_of(phone, profile="RTP/AVP", extra=""):
    return (f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {20_000 + 2 * (phone.port % 5_000)} {profile} 0\r\n"
            f"a=ptime:20\r\n{extra}")


def lost_connection(stage, listener, lose):
    a, b = stage.users(2)
    caller, callee = stage.telephone(a), stage.telephone(b, listener)
    require(callee.register(), "could not register")
    well(caller.call(b))
    lose(callee.link)
    time.sleep(0.3)
    clean_failure(caller, b, ("480", "503"))


@case
def connection_closed(stage):
    """a telephone over TCP has closed its connection and listens nowhere: the caller hears 480 at once, not after 32 s"""
    lost_connection(stage, "sip-tcp", lambda link: link.close())


@case
def connection_reset(stage):
    """the same with a connection that was reset, as by a power cut"""
    lost_connection(stage, "sip-tcp", lambda link: link.break_off())


@case
def tls_connection_closed(stage):
    """the same with TLS"""
    lost_connection(stage, "sips", lambda link: link.close())


@case
def connection_lost_while_ringing(stage):
    """the callee's connection breaks while it rings: the caller hears 480 at once"""
    a, b = stage.users(2)
    caller, callee = stage.telephone(a), stage.telephone(b, "sip-tcp")
    require(callee.register(), "could not register")
    callee.rings = True
    call, uri = caller.token(), f"sip:{b}@{caller.host}:{caller.server[1]}"
    from_ringing = lambda: callee.link.break_off() if callee.asked("INVITE") else None
    receive = callee.link.receive
    callee.link.receive = lambda raw, way: (receive(raw, way), time.sleep(0.2), from_ringing())
    began = time.monotonic()
    answer, _ = caller.transact("INVITE", uri, f"<sip:{b}@{DOMAIN}>", call, 1, body=sdp_of(caller), timeout=40)
    require(answer and answer.status in (480, 503), f"the call was answered by {answer and answer.start}")
    require(time.monotonic() - began < QUICK, f"the refusal took {time.monotonic() - began:.1f} s")


@case
def peers_reset_while_answered(stage):
    """peers over TCP and TLS that ask much and reset the connection before the answers leave: nobody else is disturbed"""
    a, b = stage.users(2)
    for phone in (idle := stage.telephone(b, "sip-tcp"), caller := stage.telephone(a)):
        require(phone.register(), "could not register")
    ask = "".join(f"OPTIONS sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKr{n}\r\nMax-Forwards: 70\r\nFrom: <sip:x@pbx.example>;tag=x\r\n"
                  f"To: <sip:pbx.example>\r\nCall-ID: reset{n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n" for n in range(30)).encode()
    for number in range(60):
        for listener, tls in (("sip-tcp", None), ("sips", stage.tls())):
            link = Stream.to(stage.listener(listener), "127.0.0.1", lambda raw, way: None, tls)
            link.send(ask)
            time.sleep(0.001 * (number % 5))  # so that the reset meets each stage of the answers
            link.break_off()
    well(caller.call(b))
    require(not idle.link.ended.is_set(), "the connection of a telephone that did nothing was closed")


@case
def called_anew_after_the_connection(stage):
    """a telephone that listens at its Contact is called over a new connection when the old one has broken (RFC 3261 section 18.1.1)"""
    a, b = stage.users(2)
    caller, callee = stage.telephone(a), stage.telephone(b, "sip-tcp")
    port = free_port()
    callee.accept(port)
    callee.contact = f"<sip:{b}@127.0.0.1:{port};transport=tcp>"
    require(callee.register(), "could not register")
    callee.link.break_off()
    time.sleep(0.3)
    well(caller.call(b))
    require(len(callee.listener.accepted) == 1, f"{len(callee.listener.accepted)} connections were opened to it")
    well(caller.call(b))
    require(len(callee.listener.accepted) == 1, "the new connection was not used again")


# --- requests that are too long for a datagram (RFC 3261 section 18.1.1)


def long_contact(stage):
    """A telephone over UDP whose Contact, which is the Request-URI of all that we send to it, takes 1,300 bytes."""
    phone = stage.telephone(stage.users(1)[0], port=free_port())
    phone.contact = phone.contact.replace(">", f";pad={'x' * 1_300}>")
    return phone


@case
def long_request_goes_over_tcp(stage):
    """to a telephone on UDP that listens on TCP as well, an INVITE over 1,300 bytes, its ACK and its BYE go over TCP"""
    a, = stage.users(1)
    caller, callee = stage.telephone(a), long_contact(stage)
    callee.accept()
    require(callee.register(), "could not register")
    well(caller.call(callee.user))
    for method in ("INVITE", "BYE"):
        request = arrived(callee, method)
        require(via(request) == "SIP/2.0/TCP" and request.size > 1_300, f"{method} of {request.size} bytes came by {via(request)}")
    arrived(callee, "ACK")
    require(len(callee.asked("INVITE")) == 1 and callee.listener.accepted, "the INVITE came by UDP as well")


@case
def short_request_stays_on_udp(stage):
    """an INVITE that fits goes by UDP although the telephone listens on TCP"""
    a, b = stage.users(2)
    caller, callee = stage.telephone(a), stage.telephone(b, port=free_port())
    callee.accept()
    require(callee.register(), "could not register")
    well(caller.call(b))
    request = arrived(callee)
    require(via(request) == "SIP/2.0/UDP" and not callee.listener.accepted, f"{request.size} bytes came by {via(request)}")
    require(request.size <= 1_300, f"an ordinary INVITE takes {request.size} bytes")


@case
def long_request_falls_back_to_udp(stage):
    """the telephone does not listen on TCP: the long INVITE comes by UDP all the same, without delay"""
    a, = stage.users(1)
    caller, callee = stage.telephone(a), long_contact(stage)
    require(callee.register(), "could not register")
    began = time.monotonic()
    well(caller.call(callee.user))
    require(via(arrived(callee)) == "SIP/2.0/UDP", f"the INVITE came by {via(arrived(callee))}")
    require(arrived(callee).at - began < 1, f"the telephone rang after {arrived(callee).at - began:.1f} s")


def deaf_port(port):
    """A TCP port that neither takes nor refuses connections, as one behind a packet filter: its queue is full."""
    deaf = socket.socket()
    deaf.bind(("127.0.0.1", port))
    deaf.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
        fillers.append(filler)
    return [deaf, *fillers]


@case
def long_request_where_tcp_is_filtered(stage):
    """a packet filter swallows connections to the telephone: the long INVITE reaches it by UDP before its caller gives up"""
    a, = stage.users(1)
    caller, callee = stage.telephone(a), long_contact(stage)
    require(callee.register(), "could not register")
    deaf = deaf_port(callee.port)
    try:
        began = time.monotonic()
        well(caller.call(callee.user, timeout=30))
        require(arrived(callee).at - began < QUICK, f"the telephone rang after {arrived(callee).at - began:.1f} s")
    finally:
        for one in deaf:
            one.close()


@case
def long_request_through_a_translator(stage):
    """a telephone behind an address translator has no TCP port at its UDP address: nobody knocks there, the long INVITE comes by UDP (RFC 3581)"""
    a, = stage.users(1)
    caller, callee = stage.telephone(a), long_contact(stage)
    callee.contact = callee.contact.replace(f"{callee.address}:{callee.port}", "10.11.12.13:5060")
    callee.sent_by = "10.11.12.13:5060"
    callee.accept()
    require(callee.register(), "could not register")
    well(caller.call(callee.user))
    request = arrived(callee)
    require(via(request) == "SIP/2.0/UDP" and not callee.listener.accepted, f"{request.size} bytes for {callee.sent_by} came by {via(request)} to its translator")


# --- keys in session descriptions (RFC 4568 section 8.3)


@case
def keys_in_the_clear(stage):
    """SRTP alone offered over UDP: 488, and no key of ours is shown"""
    a, b = stage.users(2)
    stage.telephone(b).register()
    offer = sdp(extra=("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",)).replace("RTP/AVP", "RTP/SAVP")
    stage.calls(a, b, Caller("caller").invite(offer).provisional().expect(488).refused_ack())


@case
def keys_over_tls(stage):
    """SRTP alone offered over TLS to a telephone on UDP: taken on our side with a key, plain RTP offered on the other"""
    a, b = stage.users(2)
    caller, callee = stage.telephone(a, "sips"), stage.telephone(b)
    require(callee.register(), "could not register")
    offer = sdp_of(caller, "RTP/SAVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n")
    call, uri = caller.token(), f"sip:{b}@{caller.host}:{caller.server[1]}"
    answer, cseq = caller.transact("INVITE", uri, f"<sip:{b}@{DOMAIN}>", call, 1, body=offer)
    require(answer and answer.status == 200, f"the call was answered by {answer and answer.start}")
    target = re.search(r"<([^>]*)>", answer.get("contact"))[1]
    caller.request("ACK", target, answer.get("to"), call, cseq)
    require(re.search(rb"m=audio [1-9]\d* RTP/SAVP 0", answer.body) and b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in answer.body, f"our answer: {answer.body!r}")
    body = arrived(callee).body
    require(re.search(rb"m=audio [1-9]\d* RTP/AVP ", body) and b"crypto" not in body, f"our offer over UDP: {body!r}")
    ended, _ = caller.transact("BYE", target, answer.get("to"), call, cseq + 1)
    require(ended and ended.status == 200, "the BYE was not answered")
