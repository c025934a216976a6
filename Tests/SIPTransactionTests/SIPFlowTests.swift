import Primitives
import SIPMessage
import SIPTransaction
import Testing

struct SIPFlowTests {
    @Test(arguments: [
        ("192.0.2.55:40000", "192.0.2.55:5060", "192.0.2.55:40000"),  // the Contact is the source
        ("192.0.2.77:5070", "192.0.2.55:5060", "192.0.2.77:5070"),  // a Contact elsewhere is followed
        ("192.0.2.77", "192.0.2.55", "192.0.2.77:5060"),
        ("10.0.0.9:5060", "10.0.0.9", "192.0.2.55:40000"),  // behind an address translator
        ("phone.example", "phone.example", "192.0.2.55:40000"),
        ("0.0.0.0:5060", "192.0.2.55", "192.0.2.55:40000"),
        ("192.0.2.1;gr=urn:uuid:8a-b4", "192.0.2.55", "192.0.2.55:40000"),  // our own domain's name for the device
    ])
    func `requests to a Contact over UDP`(contact: String, sentBy: String, expected: String) throws {
        let uri = try SIPURI(parsing: "sip:100@\(contact)")
        let via = try Via(parsing: "SIP/2.0/UDP \(sentBy);branch=z9hG4bK1")
        #expect(flow().reaching(uri, sentBy: via).remote.description == expected)
        #expect(flow(.tcp).reaching(uri, sentBy: via) == flow(.tcp))
    }

    @Test(arguments: [
        ("sip:100@192.0.2.55:40000", true), ("sip:100@192.0.2.55", false), ("sip:100@10.1.2.3:40000", false),
        ("sip:pbx.example", true),
    ])
    func `who is named otherwise than reached is behind a translator`(uri: String, leads: Bool) throws {
        #expect(flow().leads(to: try SIPURI(parsing: uri)) == leads)
    }
}
