import Media
import MediaEngine
import Primitives
import Testing

@Suite struct PacketSizeTests {
    @Test func `a packet of the limit is passed on, one byte more is not`() throws {
        let harness = try EngineHarness(0x7E51)
        let ada = try #require(UDPPeer(harness.address))
        let bob = try #require(UDPPeer(harness.address))
        let ports = try #require(harness.open(1))
        harness.configure(1, .a, .opus, ada)
        harness.configure(1, .b, .opus, bob)
        harness.engine.submit(.open(MediaSessionID(1)))  // its answer means that the descriptions are in force
        _ = harness.log.next()
        let limit = Limits().rtpPacketBytes
        for (index, size) in [limit + 1, limit].enumerated() {
            let payload = [UInt8](repeating: 0xFC, count: size - 12)
            ada.send(EngineHarness.packet(payload, type: 111, index: index + 1), to: ports.a, of: harness.address)
        }
        let heard = try #require(bob.receive())
        #expect(heard.bytes.count == limit, "the longer one came first, and is not there")
        #expect(bob.receive(within: 200) == nil)
        harness.engine.shutdown()
    }
}
