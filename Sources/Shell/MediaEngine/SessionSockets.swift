import CSockets
import Glibc
import Media
import Primitives

/// The four sockets of a session: RTP and RTCP of both sides.
struct SessionSockets {
    /// DSCP "expedited forwarding" (RFC 3246), as telephones mark voice.
    private static let voice: Int32 = 46

    /// The worker whose ports they are.
    let home: Int
    let portA: UInt16
    let portB: UInt16
    /// In the order a RTP, a RTCP, b RTP, b RTCP.
    private let descriptors: (Int32, Int32, Int32, Int32)

    /// Binds two pairs from the pool; ports that others hold are passed over.
    init(address: IPAddress, home: Int, pool: inout PortPool, at now: Instant) throws(MediaFailure) {
        self.home = home
        let a = try Self.bindPair(address: address, pool: &pool, at: now)
        do {
            let b = try Self.bindPair(address: address, pool: &pool, at: now)
            descriptors = (a.rtp, a.rtcp, b.rtp, b.rtcp)
            portA = a.port
            portB = b.port
        } catch {
            csockets_close(a.rtp)
            csockets_close(a.rtcp)
            pool.release(a.port, at: now)
            throw error
        }
    }

    func descriptor(_ side: MediaSide, isRTCP: Bool) -> Int32 {
        switch (side, isRTCP) {
        case (.a, false): descriptors.0
        case (.a, true): descriptors.1
        case (.b, false): descriptors.2
        case (.b, true): descriptors.3
        }
    }

    /// The ports are still to be given back.
    func close() {
        csockets_close(descriptors.0)
        csockets_close(descriptors.1)
        csockets_close(descriptors.2)
        csockets_close(descriptors.3)
    }

    private static func bindPair(
        address: IPAddress, pool: inout PortPool, at now: Instant
    ) throws(MediaFailure) -> (port: UInt16, rtp: Int32, rtcp: Int32) {
        var lastError: Int32?
        for _ in 0..<pool.pairCount {
            guard let port = pool.take(at: now) else { break }
            let rtp = bind(address, port)
            guard rtp >= 0 else {
                lastError = -rtp
                pool.release(port, at: now)
                continue
            }
            let rtcp = bind(address, port + 1)
            guard rtcp >= 0 else {
                lastError = -rtcp
                csockets_close(rtp)
                pool.release(port, at: now)
                continue
            }
            return (port, rtp, rtcp)
        }
        // "In use" only means that others hold the ports; any other error is worth knowing.
        if let lastError, lastError != EADDRINUSE { throw .socket(errno: lastError) }
        throw .noPortFree
    }

    private static func bind(_ address: IPAddress, _ port: UInt16) -> Int32 {
        var local = csockets_address(Endpoint(address: address, port: port))
        return csockets_udp(&local, voice)
    }
}
