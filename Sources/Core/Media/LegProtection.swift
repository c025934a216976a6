import RTP

/// How one side's packets are protected: the halves of SRTP and the keys that they were made with; empty for plain RTP.
struct LegProtection {
    private var sendKey: SRTPMasterKey?
    private var receiveKey: SRTPMasterKey?
    private var protector: (any PacketProtector)?
    private var unprotector: (any PacketUnprotector)?

    /// What a description asks for. Under a key that stays, the counters go on: an index must not be used twice, nor a
    /// replay be believed. Throws `.protectionUnavailable`.
    func renewed(
        for description: MediaStreamDescription, using factory: (any PacketProtection)?
    ) throws(MediaFailure) -> LegProtection {
        var result = self
        if description.sendKey != sendKey {
            result.sendKey = description.sendKey
            result.protector = nil
            if let key = description.sendKey {
                guard let made = try? factory?.makeProtector(key) else { throw .protectionUnavailable(key.suite) }
                result.protector = made
            }
        }
        if description.receiveKey != receiveKey {
            result.receiveKey = description.receiveKey
            result.unprotector = nil
            if let key = description.receiveKey {
                guard let made = try? factory?.makeUnprotector(key) else { throw .protectionUnavailable(key.suite) }
                result.unprotector = made
            }
        }
        return result
    }

    /// True when what comes in has to be unprotected.
    var decrypts: Bool { unprotector != nil }

    /// The size of the plain packet, which begins where the protected one did; nil when it is not authentic.
    func unprotectRTP(_ packet: UnsafeMutableRawBufferPointer) -> Int? { try? unprotector?.unprotectRTP(packet) }

    func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer) -> Int? { try? unprotector?.unprotectRTCP(packet) }

    /// The size to send, unchanged for plain RTP; nil when the packet must not be sent.
    func protectRTP(_ packet: UnsafeMutableRawBufferPointer, size: Int) -> Int? {
        guard let protector else { return size }
        return try? protector.protectRTP(packet, size: size)
    }

    func protectRTCP(_ packet: UnsafeMutableRawBufferPointer, size: Int) -> Int? {
        guard let protector else { return size }
        return try? protector.protectRTCP(packet, size: size)
    }
}
