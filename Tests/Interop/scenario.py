"""SIPp scenarios as Python: each call below appends one SIPp element, `xml()` gives the file that SIPp runs.

A `Caller` sends the first INVITE (and answers its challenge), a `Callee` receives one; both may send and answer any request in
the dialog afterwards. What a side did not expect makes its SIPp fail, and so the case. Own work."""

from xml.sax.saxutils import quoteattr

DOMAIN = "pbx.example"


def sdp(direction="sendrecv", formats=(0,), address="[local_ip]", version=1, port="[media_port]", extra=()):
    """A session description with one audio stream of G.711, more lines in `extra`."""
    names = {0: "PCMU", 8: "PCMA"}
    lines = ["v=0", f"o=- 4711 {version} IN IP4 [local_ip]", "s=-", f"c=IN IP4 {address}", "t=0 0",
             f"m=audio {port} RTP/AVP {' '.join(map(str, formats))}"]
    lines += [f"a=rtpmap:{number} {names[number]}/8000" for number in formats] + ["a=ptime:20", f"a={direction}", *extra]
    return "\n".join(lines) + "\n"


class Flow:
    """The elements of one scenario, in order."""

    def __init__(self, name):
        self.name, self.parts, self.variables, self.cseq, self.index, self.invite_index, self.labels = name, [], set(), 0, 0, 0, 0

    def xml(self):
        unused = f"<Reference variables={quoteattr(','.join(sorted(self.variables)))}/>" if self.variables else ""
        body = "\n".join(self.parts)
        return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name={quoteattr(self.name)}>\n{body}\n{unused}\n</scenario>\n'

    def element(self, text):
        self.parts.append(text)
        self.index += not text.startswith("<label")  # as SIPp counts
        return self

    def branch_of_invite(self):
        """SIPp's name for the branch of the last INVITE, for the ACK of its refusal and for its CANCEL."""
        return f"[branch-{self.index - self.invite_index}]"

    def pause(self, milliseconds):
        return self.element(f'<pause milliseconds="{milliseconds}"/>')

    def message(self, lines, body="", retransmit=True):
        """Sends start line and header fields, with Content-Length, and a body if there is one."""
        lines = [line for line in lines if line]
        if body:
            lines += ["Content-Length: [len]", "", body.rstrip("\n")]
        else:
            lines += ["Content-Length: 0", ""]
        attribute = ' retrans="500"' if retransmit else ""
        text = "\n".join(lines)
        return self.element(f"<send{attribute}><![CDATA[\n{text}\n]]></send>")

    def receive(self, what, value, optional=False, actions=(), **attributes):
        """`what` is `response` or `request`; `actions` are (header, pattern, variables) and must all match."""
        extra = "".join(f' {name}="{text}"' for name, text in attributes.items())
        extra += ' optional="true"' if optional else ""
        inner = ""
        for header, pattern, names in actions:
            for name in names.split(","):
                self.variables.add(name)
            place = f'search_in="hdr" header={quoteattr(header + ":")}' if header else 'search_in="msg"'
            inner += f"<ereg regexp={quoteattr(pattern)} {place} check_it=\"true\" assign_to={quoteattr(names)}/>"
        action = f"<action>{inner}</action>" if inner else ""
        return self.element(f'<recv {what}="{value}"{extra}>{action}</recv>')

    def expect(self, status, **options):
        return self.receive("response", status, **options)

    def provisional(self, *statuses):
        """Any of these may come, in any number that SIPp takes."""
        for status in statuses or (100, 180, 183):
            self.expect(status, optional=True)
        return self

    def answer(self, method, status="200 OK", fields=(), body="", actions=(), optional=False, content="application/sdp"):
        """Takes a request in the dialog and answers it."""
        self.receive("request", method, actions=actions, optional=optional)
        return self.message([f"SIP/2.0 {status}", "[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]",
                             "Contact: <sip:interop@[local_ip]:[local_port];transport=[transport]>", *fields,
                             f"Content-Type: {content}" if body else ""], body, retransmit=False)


    def either(self, first, second):
        """Takes one of two requests and says yes to it."""
        self.labels += 1
        self.receive("request", first, optional=True, next=f"either{self.labels}").receive("request", second).element(f'<label id="either{self.labels}"/>')
        return self.message(["SIP/2.0 200 OK", "[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]"], retransmit=False)


class Caller(Flow):
    """Who calls: `-key user`, `-key callee`, `-au`, `-ap` name it on SIPp's command line."""

    identity = "From: <sip:[user]@" + DOMAIN + ">;tag=[pid]c[call_number]"
    contact = "Contact: <sip:[user]@[local_ip]:[local_port];transport=[transport]>"

    def start(self, method, uri, to, fields=(), body="", call_id="[call_id]", authorise=False, content="application/sdp"):
        self.cseq += 1
        self.invite_index = self.index if method == "INVITE" else self.invite_index
        return self.message([
            f"{method} {uri} SIP/2.0", "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport", "Max-Forwards: 70",
            self.identity, f"To: <{to}>", f"Call-ID: {call_id}", f"CSeq: {self.cseq} {method}", self.contact,
            "[authentication]" if authorise else "", *fields, f"Content-Type: {content}" if body else ""], body)

    def invite(self, body=None, fields=(), callee="[callee]", call_id="[call_id]", challenged=True, authorise=True):
        """INVITE, its challenge and the INVITE with credentials."""
        body = sdp() if body is None else body
        uri = f"sip:{callee}@{DOMAIN}"
        if challenged:
            self.start("INVITE", f"sip:{callee}@[remote_ip]:[remote_port]", uri, fields, body, call_id)
            self.expect(100, optional=True).expect(401, auth="true")
            self.refused_ack(callee, call_id)
        return self.start("INVITE", f"sip:{callee}@[remote_ip]:[remote_port]", uri, fields, body, call_id, authorise=authorise)

    def once(self, method, uri="sip:[remote_ip]:[remote_port]", to=None, fields=(), body="", content="application/sdp"):
        """A request outside dialogs with its challenge; its final answer is still to be expected."""
        to = to or f"sip:[user]@{DOMAIN}"
        self.start(method, uri, to, fields, body, content=content)
        self.expect(401, auth="true")
        return self.start(method, uri, to, fields, body, authorise=True, content=content)

    def within(self, method, fields=(), body="", callee="[callee]", call_id="[call_id]", target="[next_url]", content="application/sdp", cseq=None):
        """A request in the dialog."""
        if cseq is None and method != "ACK":
            self.cseq += 1
        self.invite_index = self.index if method == "INVITE" else self.invite_index
        return self.message([
            f"{method} {target} SIP/2.0", "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport", "[routes]", "Max-Forwards: 70",
            self.identity, f"To: <sip:{callee}@{DOMAIN}>[peer_tag_param]", f"Call-ID: {call_id}",
            f"CSeq: {cseq or self.cseq} {method}", self.contact if method not in ("ACK", "BYE") else "", *fields,
            f"Content-Type: {content}" if body else ""], body, retransmit=method != "ACK")

    def ack(self, body="", **options):
        return self.within("ACK", body=body, **options)

    def talk(self, milliseconds=200, actions=()):
        """Up to the established call."""
        self.provisional()
        self.expect(200, rrs="true", actions=actions)
        return self.ack().pause(milliseconds)

    def hang_up(self):
        return self.within("BYE").expect(200)

    def cancel(self, callee="[callee]"):
        return self.hop_by_hop("CANCEL", callee, f"To: <sip:{callee}@{DOMAIN}>")

    def refused_ack(self, callee="[callee]", call_id="[call_id]"):
        """The ACK of a final response other than 2xx."""
        return self.hop_by_hop("ACK", callee, f"To: <sip:{callee}@{DOMAIN}>[peer_tag_param]", call_id)

    def hop_by_hop(self, method, callee, to, call_id="[call_id]"):
        return self.message([f"{method} sip:{callee}@[remote_ip]:[remote_port] SIP/2.0",
                             f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={self.branch_of_invite()};rport", "Max-Forwards: 70", self.identity,
                             to, f"Call-ID: {call_id}", f"CSeq: {self.cseq} {method}"], retransmit=method != "ACK")


class Callee(Flow):
    """Who is called. Remembers From, To and Contact of the INVITE for requests of its own."""

    saved = (("From", ".*", "remote"), ("To", ".*", "local"), ("Contact", "<([^>]*)>", "ignored,target"))
    tag = ";tag=[pid]s[call_number]"

    def invited(self, actions=()):
        return self.receive("request", "INVITE", actions=(*self.saved, *actions), rrs="true")

    def reply(self, status, fields=(), body="", retransmit=False, content="application/sdp"):
        """Answers the INVITE."""
        return self.message([f"SIP/2.0 {status}", "[last_Via:]", "[last_Record-Route:]", "[last_From:]", "[last_To:]" + self.tag, "[last_Call-ID:]",
                             "[last_CSeq:]", "Contact: <sip:interop@[local_ip]:[local_port];transport=[transport]>", *fields,
                             f"Content-Type: {content}" if body else ""], body, retransmit=retransmit)

    def ring(self):
        return self.reply("180 Ringing")

    def accept(self, body=None, fields=()):
        self.reply("200 OK", fields, sdp() if body is None else body, retransmit=True)
        return self.receive("request", "ACK")

    def refuse(self, status, fields=()):
        self.reply(status, fields, retransmit=True)
        return self.receive("request", "ACK")

    def within(self, method, fields=(), body="", content="application/sdp", cseq=None, branch="[branch]"):
        """A request of ours in the dialog that the INVITE made."""
        if cseq is None and method != "ACK":
            self.cseq += 1
        return self.message([
            f"{method} [$target] SIP/2.0", f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch};rport", "Max-Forwards: 70",
            "From:[$local]" + self.tag, "To:[$remote]", "Call-ID: [call_id]", f"CSeq: {cseq or self.cseq} {method}",
            "Contact: <sip:interop@[local_ip]:[local_port];transport=[transport]>" if method not in ("ACK", "BYE") else "", *fields,
            f"Content-Type: {content}" if body else ""], body, retransmit=method != "ACK")

    def hang_up(self):
        return self.within("BYE").expect(200)


def register(contact_port, contact_user="interop", parameters="", expires=300, fields=(), transport="[transport]"):
    """REGISTER with digest of `-key user`; its Contact is on another port, where the callee's SIPp listens."""
    flow = Caller("register")
    contact = f"Contact: <sip:{contact_user}@[local_ip]:{contact_port};transport={transport}>{parameters}"
    flow.contact = contact
    return flow.once("REGISTER", to=f"sip:[user]@{DOMAIN}", fields=(f"Expires: {expires}", *fields))
