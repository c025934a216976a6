import Primitives
import SIPTransaction
import Testing

struct ListenerAddressTests {
    private static func listeners(_ list: [(SIPFlow.Transport, String)]) -> [ListenerAddress] {
        list.compactMap { transport, text in Endpoint(text).map { ListenerAddress(transport, $0) } }
    }

    private static let all = listeners([
        (.udp, "127.0.0.1:5060"), (.udp, "192.168.1.2:5060"), (.udp, "10.1.0.2:5062"), (.udp, "[2001:db8::2]:5060"),
        (.udp, "[::1]:5060"), (.tcp, "192.168.1.2:5060"),
    ])

    @Test(arguments: [
        ("192.168.1.77", "192.168.1.2:5060"), ("10.1.0.9", "10.1.0.2:5062"), ("203.0.113.5", "192.168.1.2:5060"),
        ("127.0.0.1", "127.0.0.1:5060"), ("::1", "[::1]:5060"), ("2001:db8::99", "[2001:db8::2]:5060"),
        ("2a00::1", "[2001:db8::2]:5060"),
    ])
    func `the listener next to the peer is named`(remote: String, local: String) throws {
        let address = try #require(IPAddress(remote))
        #expect(Self.all.local(for: .udp, towards: address) == Endpoint(local))
    }

    @Test func `a family or transport without listener has none`() {
        #expect(Self.all.local(for: .tcp, towards: .v6(1, 1)) == nil)
        #expect(Self.all.local(for: .tls, towards: .loopbackV4) == nil)
        #expect(Self.all.local(for: .tcp, towards: .loopbackV4) == Endpoint("192.168.1.2:5060"))
    }
}
