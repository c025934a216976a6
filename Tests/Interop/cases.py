"""The signalling cases that SIPp plays against a running appliance: one function each, its docstring says what it proves.

Each gets a `Stage` with telephone numbers of its own, so that cases run side by side. Own work."""

from scenario import DOMAIN, Callee, Caller, sdp

CASES = []
TRUNK_CASES = []


def case(function):
    CASES.append(function)
    return function


def trunk_case(function):
    """Played one after the other, in an office with two lines to telephone companies (Kamailio)."""
    TRUNK_CASES.append(function)
    return function


def ordinary(talk=300, body=None, answer=None):
    """A caller who hangs up and a callee who answers."""
    caller = Caller("caller").invite(body).talk(talk).hang_up()
    callee = Callee("callee").invited().ring().pause(100).accept(answer).answer("BYE")
    return caller, callee


# --- calls


@case
def basic_call(stage):
    """challenge, 180, 200, ACK, BYE from the caller"""
    a, b = stage.users(2)
    caller, callee = ordinary()
    stage.answers(b, callee)
    stage.calls(a, b, caller)


@case
def callee_hangs_up(stage):
    """BYE from the callee reaches the caller"""
    a, b = stage.users(2)
    stage.answers(b, Callee("callee").invited().ring().accept().pause(200).hang_up())
    stage.calls(a, b, Caller("caller").invite().talk(0).answer("BYE"))


@case
def early_cancel(stage):
    """CANCEL while it rings: 200 to the CANCEL, 487 to the INVITE, CANCEL at the callee"""
    a, b = stage.users(2)
    callee = Callee("callee").invited().ring().receive("request", "CANCEL")
    callee.message(["SIP/2.0 200 OK", "[last_Via:]", "[last_From:]", "[last_To:]" + Callee.tag, "[last_Call-ID:]", "[last_CSeq:]"], retransmit=False)
    callee.message(["SIP/2.0 487 Request Terminated", "[last_Via:]", "[last_From:]", "[last_To:]" + Callee.tag, "[last_Call-ID:]", "CSeq: 1 INVITE"])
    stage.answers(b, callee.receive("request", "ACK"))
    caller = Caller("caller").invite().expect(100, optional=True).expect(180).cancel().expect(200).expect(487)
    stage.calls(a, b, caller.refused_ack())


@case
def late_cancel(stage):
    """CANCEL that crosses the 200: answered, the call stands and ends by BYE"""
    a, b = stage.users(2)
    stage.answers(b, Callee("callee").invited().ring().accept().answer("BYE"))
    caller = Caller("caller").invite().provisional().expect(200, rrs="true")
    caller.cancel()
    stage.calls(a, b, caller.expect(200).ack().pause(200).hang_up())


@case
def busy(stage):
    """486 from the only telephone reaches the caller"""
    a, b = stage.users(2)
    stage.answers(b, Callee("callee").invited().refuse("486 Busy Here"))
    stage.calls(a, b, Caller("caller").invite().provisional().expect(486).refused_ack())


@case
def unknown_number(stage):
    """404 for a number that nobody has"""
    a, = stage.users(1)
    stage.calls(a, "9999", Caller("caller").invite().provisional().expect(404).refused_ack())


# --- reliable provisional responses, UPDATE, session timers


@case
def prack(stage):
    """100rel on both sides: the callee's reliable 180 is acknowledged, ours waits for the caller's PRACK (RFC 3262)"""
    a, b = stage.users(2)
    callee = Callee("callee").invited(actions=(("Via", ".*", "via"),)).reply("180 Ringing", ("Require: 100rel", "RSeq: 4711"), retransmit=True)
    callee.answer("PRACK", actions=(("RAck", "4711 1 INVITE", "rack"),))
    # SIPp keeps the header fields of the last message alone, so those of the INVITE were saved
    callee.message(["SIP/2.0 200 OK", "Via:[$via]", "From:[$remote]", "To:[$local]" + Callee.tag, "Call-ID: [call_id]", "CSeq: 1 INVITE",
                    "Contact: <sip:interop@[local_ip]:[local_port];transport=[transport]>", "Content-Type: application/sdp"], sdp())
    stage.answers(b, callee.receive("request", "ACK").answer("BYE"))
    caller = Caller("caller").invite(fields=("Supported: 100rel", "Require: 100rel")).expect(100, optional=True)
    invite = caller.cseq
    caller.expect(180, rrs="true", actions=(("RSeq", "[0-9]+", "rseq"), ("Require", "100rel", "required")))
    caller.within("PRACK", (f"RAck: [$rseq] {invite} INVITE",)).expect(200)
    caller.provisional(180, 183).expect(200, rrs="true").ack(cseq=invite).pause(200)
    stage.calls(a, b, caller.hang_up())


@case
def update_in_dialog(stage):
    """UPDATE with an offer is answered with a session description (RFC 3311)"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1])
    caller = Caller("caller").invite().talk(200).within("UPDATE", body=sdp(version=2)).expect(200, actions=((None, "m=audio [1-9]", "media"),))
    stage.calls(a, b, caller.pause(200).hang_up())


@case
def session_timer_too_small(stage):
    """422 with Min-SE for an interval under 90 s, and the retry is taken (RFC 4028)"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1])
    caller = Caller("caller").invite(fields=("Supported: timer", "Session-Expires: 30")).provisional()
    caller.expect(422, actions=(("Min-SE", "90", "minimum"),)).refused_ack()
    caller.invite(fields=("Supported: timer", "Session-Expires: 90;refresher=uac", "Min-SE: 90"), challenged=False).provisional()
    caller.expect(200, rrs="true", actions=(("Session-Expires", "90; *refresher=uac", "interval"),)).ack().pause(200)
    stage.calls(a, b, caller.hang_up())


@case
def session_timer_we_refresh(stage):
    """refresher=uas: the appliance refreshes at half of the interval"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1], seconds=90)
    caller = Caller("caller").invite(sdp("inactive"), ("Supported: timer", "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, OPTIONS",
                                                                           "Session-Expires: 90;refresher=uas")).provisional()
    caller.expect(200, rrs="true", actions=(("Session-Expires", "90; *refresher=uas", "interval"),)).ack()
    caller.answer("UPDATE", fields=("Session-Expires: 90;refresher=uac", "Require: timer"), actions=(("Session-Expires", "90", "again"),))
    stage.calls(a, b, caller.pause(200).hang_up(), seconds=90)


@case
def session_timer_expires(stage):
    """refresher=uac that never refreshes: the appliance ends the call before the interval is over"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1], seconds=110)
    caller = Caller("caller").invite(sdp("inactive"), ("Supported: timer", "Session-Expires: 90;refresher=uac")).provisional()
    caller.expect(200, rrs="true").ack().answer("BYE")
    stage.calls(a, b, caller, seconds=110)


@case
def session_timer_towards_callee(stage):
    """our INVITE offers a session timer; a callee that wants to refresh does so by UPDATE"""
    a, b = stage.users(2)
    callee = Callee("callee").invited(actions=(("Session-Expires", "[0-9]+", "offered"), ("Supported", "timer", "supported")))
    callee.ring().accept(fields=("Session-Expires: 600;refresher=uas", "Require: timer")).pause(200)
    callee.within("UPDATE", ("Supported: timer", "Session-Expires: 600;refresher=uac")).expect(200, actions=(("Session-Expires", "600", "kept"),))
    stage.answers(b, callee.answer("BYE"))
    stage.calls(a, b, Caller("caller").invite().talk(900).hang_up())


# --- offer and answer


@case
def delayed_offer(stage):
    """INVITE without a session description: the offer comes in the 200, the answer goes in the ACK"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1])
    caller = Caller("caller").invite(body="").provisional().expect(200, rrs="true", actions=((None, "m=audio [1-9]", "offer"),))
    stage.calls(a, b, caller.ack(body=sdp()).pause(300).hang_up())


@case
def hold_and_resume(stage):
    """a=sendonly, then a=sendrecv: answered recvonly, then sendrecv (RFC 3264 section 8.4)"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1])
    caller = Caller("caller").invite().talk(200)
    caller.within("INVITE", body=sdp("sendonly", version=2)).provisional(100).expect(200, actions=((None, "a=(recvonly|inactive)", "held,style"),)).ack().pause(200)
    caller.within("INVITE", body=sdp(version=3)).provisional(100).expect(200, actions=((None, "a=sendrecv", "resumed"),)).ack().pause(200)
    stage.calls(a, b, caller.hang_up())


@case
def hold_in_the_old_style(stage):
    """c=0.0.0.0 (RFC 2543), then the address again"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1])
    caller = Caller("caller").invite().talk(200)
    caller.within("INVITE", body=sdp(address="0.0.0.0", version=2)).provisional(100).expect(200).ack().pause(200)
    caller.within("INVITE", body=sdp(version=3)).provisional(100).expect(200, actions=((None, "a=sendrecv", "resumed"),)).ack().pause(200)
    stage.calls(a, b, caller.hang_up())


@case
def codec_change(stage):
    """a re-INVITE that drops PCMU for PCMA is answered with PCMA"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1])
    caller = Caller("caller").invite(sdp(formats=(0, 8))).talk(200)
    caller.within("INVITE", body=sdp(formats=(8,), version=2)).provisional(100).expect(200, actions=((None, "RTP/AVP 8", "changed"),)).ack().pause(200)
    stage.calls(a, b, caller.hang_up())


@case
def video_is_declined(stage):
    """audio and video offered: the video line comes back with port 0"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1])
    video = ("m=video 40000 RTP/AVP 96", "a=rtpmap:96 H264/90000")
    caller = Caller("caller").invite(sdp(extra=video)).provisional().expect(200, rrs="true", actions=((None, "m=video 0 ", "declined"),))
    stage.calls(a, b, caller.ack().pause(200).hang_up())


@case
def glare(stage):
    """re-INVITEs that cross: ours, a session refresh, meets 491 and is sent again later; theirs gets 491 (RFC 3261 section 14)"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1], seconds=90)
    caller = Caller("caller").invite(sdp("inactive"), ("Supported: timer", "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS", "Session-Expires: 90;refresher=uas")).provisional()
    caller.expect(200, rrs="true").ack()
    caller.receive("request", "INVITE", actions=(("Via", ".*", "via"), ("From", ".*", "from"), ("To", ".*", "to"), ("CSeq", ".*", "number")))
    caller.within("INVITE", body=sdp("inactive", version=2)).expect(100, optional=True).expect(491).refused_ack()
    caller.message(["SIP/2.0 491 Request Pending", "Via:[$via]", "From:[$from]", "To:[$to]", "Call-ID: [call_id]", "CSeq:[$number]"])
    caller.receive("request", "ACK")
    caller.answer("INVITE", fields=("Session-Expires: 90;refresher=uac", "Require: timer"), body=sdp("inactive", version=3)).receive("request", "ACK")
    stage.calls(a, b, caller.pause(200).hang_up(), seconds=90)


@case
def early_media(stage):
    """183 with a session description passes to the caller with ours"""
    a, b = stage.users(2)
    stage.answers(b, Callee("callee").invited().reply("183 Session Progress", body=sdp()).pause(300).accept().answer("BYE"))
    caller = Caller("caller").invite().expect(100, optional=True).expect(183, actions=((None, "m=audio [1-9]", "early"),))
    stage.calls(a, b, caller.provisional(180, 183).expect(200, rrs="true").ack().pause(200).hang_up())


# --- forking, redirection, transfer


@case
def three_devices(stage):
    """three devices ring, one answers, the others are cancelled"""
    a, b = stage.users(2)
    for _ in range(2):
        callee = Callee("device").invited().ring().receive("request", "CANCEL")
        callee.message(["SIP/2.0 200 OK", "[last_Via:]", "[last_From:]", "[last_To:]" + Callee.tag, "[last_Call-ID:]", "[last_CSeq:]"], retransmit=False)
        callee.message(["SIP/2.0 487 Request Terminated", "[last_Via:]", "[last_From:]", "[last_To:]" + Callee.tag, "[last_Call-ID:]", "CSeq: 1 INVITE"])
        stage.answers(b, callee.receive("request", "ACK"))
    stage.answers(b, Callee("winner").invited().ring().pause(400).accept().answer("BYE"))
    stage.calls(a, b, Caller("caller").invite().talk(300).hang_up())


@case
def redirection(stage):
    """302 to another extension is followed"""
    a, b, c = stage.users(3)
    stage.answers(b, Callee("forwarding").invited().refuse("302 Moved Temporarily", (f"Contact: <sip:{c}@{DOMAIN}>",)))
    stage.answers(c, ordinary()[1])
    stage.calls(a, b, Caller("caller").invite().talk(300).hang_up())


@case
def blind_transfer(stage):
    """REFER: 202, NOTIFY with the progress, and the right party moves to the target (RFC 3515, RFC 5589)"""
    a, b, c = stage.users(3)
    stage.answers(b, Callee("transferee").invited().ring().accept().answer("BYE"))
    stage.answers(c, Callee("target").invited().ring().pause(100).accept().pause(800).hang_up())
    caller = Caller("transferor").invite().talk(300)
    caller.within("REFER", (f"Refer-To: <sip:{c}@{DOMAIN}>", f"Referred-By: <sip:{a}@{DOMAIN}>")).expect(202)
    for _ in range(2):
        caller.answer("NOTIFY", actions=(("Event", "refer", "event"), (None, "SIP/2.0 [1-6][0-9][0-9]", "fragment")))
    stage.calls(a, b, caller.hang_up())


@case
def transfer_to_nobody(stage):
    """REFER to an unknown number: the NOTIFY says 404 and the call goes on"""
    a, b = stage.users(2)
    stage.answers(b, ordinary()[1])
    caller = Caller("transferor").invite().talk(300).within("REFER", (f"Refer-To: <sip:9998@{DOMAIN}>",)).expect(202)
    caller.answer("NOTIFY", actions=(("Subscription-State", "active", "begun"), (None, "SIP/2.0 100", "trying")))
    caller.answer("NOTIFY", actions=(("Subscription-State", "terminated", "ended"), (None, "SIP/2.0 404", "fragment")))
    stage.calls(a, b, caller.pause(200).hang_up())


@case
def attended_transfer(stage):
    """REFER with Replaces joins the two calls of the transferor (RFC 3891, RFC 5589)"""
    a, b, c = stage.users(3)
    stage.answers(b, Callee("transferee").invited().ring().accept().answer("BYE"))
    # The target's leg moves to the other call: a re-INVITE tells it where its media go now.
    target = Callee("target").invited().ring().accept().answer("INVITE", body=sdp(version=2)).receive("request", "ACK")
    stage.answers(c, target.pause(500).hang_up())
    caller = Caller("transferor").invite(callee=b, call_id="one///[call_id]").provisional()
    caller.expect(200, rrs="true", actions=(("To", "tag=([^;]*)", "whole,first"), ("Contact", "<([^>]*)>", "brackets,target"))).ack(callee=b, call_id="one///[call_id]")
    first = caller.cseq
    caller.pause(200).invite(callee=c, call_id="two///[call_id]").provisional()
    caller.expect(200, rrs="true", actions=(("To", "tag=([^;]*)", "again,second"),)).ack(callee=c, call_id="two///[call_id]").pause(200)
    refer = f"Refer-To: <sip:{c}@{DOMAIN}?Replaces=two%2F%2F%2F[call_id]%3Bto-tag%3D[$second]%3Bfrom-tag%3D[pid]c[call_number]>"
    caller.cseq = max(first, caller.cseq)
    caller.cseq += 1
    caller.message(["REFER [$target] SIP/2.0", "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport", "Max-Forwards: 70", Caller.identity,
                    f"To: <sip:{b}@{DOMAIN}>;tag=[$first]", "Call-ID: one///[call_id]", f"CSeq: {caller.cseq} REFER", Caller.contact, refer])
    # Which of the two calls is ended first, and whether the last NOTIFY comes before that, is for the appliance to choose.
    caller.expect(202).answer("NOTIFY", actions=((None, "SIP/2.0 100", "trying"),)).answer("BYE")
    stage.calls(a, b, caller.either("NOTIFY", "BYE").either("NOTIFY", "BYE").pause(300))


# --- transports


@case
def call_over_tcp(stage):
    """both telephones over TCP, each on its own connection"""
    a, b = stage.users(2)
    caller, callee = ordinary()
    stage.answers(b, callee, transport="tcp")
    stage.calls(a, b, caller, transport="tcp")


@case
def udp_to_tcp(stage):
    """caller over UDP, callee over TCP"""
    a, b = stage.users(2)
    caller, callee = ordinary()
    stage.answers(b, callee, transport="tcp")
    stage.calls(a, b, caller)


# --- identity, authentication


@case
def identity_is_ours(stage):
    """a P-Asserted-Identity from a user is not believed: the callee sees the appliance's"""
    a, b = stage.users(2)
    callee = Callee("callee").invited(actions=(("P-Asserted-Identity", f"sip:{a}@", "asserted"), ("From", f"sip:{a}@", "sender"))).ring().accept().answer("BYE")
    stage.answers(b, callee)
    stage.calls(a, b, Caller("caller").invite(fields=("P-Asserted-Identity: <sip:chief@pbx.example>",)).talk(300).hang_up())


@case
def privacy(stage):
    """Privacy: id hides the caller from the callee (RFC 3323, RFC 3325)"""
    a, b = stage.users(2)
    callee = Callee("callee").invited(actions=(("From", "anonymous@anonymous.invalid", "sender"),)).ring().accept().answer("BYE")
    stage.answers(b, callee)
    stage.calls(a, b, Caller("caller").invite(fields=("Privacy: id",)).talk(300).hang_up())


@case
def method_and_extension_errors(stage):
    """405 with Allow for an unknown method, 420 with Unsupported for an unknown extension, 416 for an unknown scheme"""
    a, b = stage.users(2)
    flow = Caller("errors").start("PUBLISHX", "sip:[remote_ip]:[remote_port]", f"sip:[user]@{DOMAIN}").expect(405, actions=(("Allow", "INVITE", "allowed"),))
    flow.invite(fields=("Require: teleport",)).provisional().expect(420, actions=(("Unsupported", "teleport", "option"),)).refused_ack()
    stage.calls(a, b, flow)


# --- events


@case
def busy_lamp(stage):
    """SUBSCRIBE dialog: a full state at once, a NOTIFY when the watched telephone rings, and when it talks (RFC 4235)"""
    a, b, w = stage.users(3)
    watcher = Caller("watcher").once("SUBSCRIBE", f"sip:{b}@[remote_ip]:[remote_port]", f"sip:{b}@{DOMAIN}",
                                     ("Event: dialog", "Accept: application/dialog-info+xml", "Expires: 60")).expect(200, rrs="true")
    watcher.answer("NOTIFY", actions=((None, "dialog-info", "document"),))
    watcher.answer("NOTIFY", actions=((None, "<state[^>]*>(early|trying|confirmed)", "busy,which"),))
    stage.calls(w, b, watcher, wait=False)
    stage.answers(b, ordinary()[1])
    stage.calls(a, b, Caller("caller").invite().talk(500).hang_up())


@case
def message_waiting(stage):
    """SUBSCRIBE message-summary: the NOTIFY carries the summary (RFC 3842)"""
    a, = stage.users(1)
    flow = Caller("mwi").once("SUBSCRIBE", f"sip:{a}@[remote_ip]:[remote_port]", f"sip:{a}@{DOMAIN}",
                              ("Event: message-summary", "Accept: application/simple-message-summary", "Expires: 60")).expect(200, rrs="true")
    flow.answer("NOTIFY", actions=((None, "Messages-Waiting: (yes|no)", "summary,state"),))
    flow.within("SUBSCRIBE", ("Event: message-summary", "Expires: 0"), callee=a)
    stage.calls(a, a, flow.receive("response", 401, optional=True, next="challenged", auth="true").expect(200).element('<label id="challenged"/>'))


@case
def presence(stage):
    """SUBSCRIBE presence: the NOTIFY carries a PIDF document (RFC 3856)"""
    a, b = stage.users(2)
    flow = Caller("presence").once("SUBSCRIBE", f"sip:{b}@[remote_ip]:[remote_port]", f"sip:{b}@{DOMAIN}",
                                   ("Event: presence", "Accept: application/pidf+xml", "Expires: 60")).expect(200, rrs="true")
    stage.calls(a, b, flow.answer("NOTIFY", actions=((None, "<basic>(open|closed)", "basic,state"),)))


@case
def unknown_event(stage):
    """489 with Allow-Events"""
    a, = stage.users(1)
    flow = Caller("event").once("SUBSCRIBE", fields=("Event: weather", "Expires: 60")).expect(489, actions=(("Allow-Events", "dialog", "known"),))
    stage.calls(a, a, flow)


@case
def registrar_rules(stage):
    """423 with Min-Expires, a fetch lists the binding, the wildcard removes it"""
    a, = stage.users(1)
    flow = Caller("registrar").once("REGISTER", fields=("Expires: 5",)).expect(423, actions=(("Min-Expires", "60", "minimum"),))
    flow.once("REGISTER", fields=("Expires: 120",)).expect(200, actions=(("Contact", "expires=1[12][0-9]", "granted"),))
    flow.contact = "Contact: *"
    stage.calls(a, a, flow.once("REGISTER", fields=("Expires: 0",)).expect(200))


# --- trunks


def from_network(talk=300):
    """A call from the public network; nobody challenges it."""
    return Caller("network").invite(challenged=False, authorise=False).talk(talk).hang_up()


@trunk_case
def outgoing_call(office):
    """an extension calls outside: registered trunk, digest, number in E.164, the caller's direct number asserted"""
    a, = office.users(1)
    network = Callee("network").invited(actions=(("To", "sip:[+]4989123456@", "called"), ("P-Asserted-Identity", f"sip:[+]493012345{a}@", "asserted")))
    office.network_answers(network.ring().accept().answer("BYE"))
    office.calls(a, "0089123456", Caller("caller").invite().talk(300).hang_up())


@trunk_case
def incoming_call(office):
    """a direct number rings its extension, and the caller's number is shown as one would dial it back"""
    b, = office.users(1)
    callee = Callee("callee").invited(actions=(("From", "sip:0089777@", "shown"),)).ring().accept().answer("BYE")
    office.answers(b, callee)
    office.network_calls("+4989777", f"+493012345{b}", from_network())


@trunk_case
def stranger(office):
    """an INVITE that comes from no trunk and has no credentials is challenged, whatever number it names"""
    b, = office.users(1)
    flow = Caller("stranger").start("INVITE", f"sip:+493012345{b}@[remote_ip]:[remote_port]", f"sip:+493012345{b}@telco.example", body=sdp())
    office.calls("+4989777", b, flow.expect(100, optional=True).expect(401).refused_ack(callee=f"+493012345{b}"))


@trunk_case
def failover(office):
    """the first company is gone: the call goes out by the second"""
    a, = office.users(1)
    office.stop_company(0)
    office.network_answers(Callee("network").invited().ring().accept().answer("BYE"), company=1)
    office.calls(a, "0089123456", Caller("caller").invite().talk(300).hang_up())


@trunk_case
def no_line(office):
    """both are gone: the caller hears so"""
    a, = office.users(1)
    office.stop_company(1)
    flow = Caller("caller").invite().provisional()
    flow.receive("response", 503, optional=True, next="said").expect(480).element('<label id="said"/>').refused_ack()
    office.calls(a, "0089123456", flow, seconds=60)
