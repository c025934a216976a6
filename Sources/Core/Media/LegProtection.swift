import RTP

/// How one side's packets are protected: the halves of SRTP and the keys that they were made with; empty for plain RTP,
/// and while keys are awaited, when nothing gets through.
struct LegProtection {
    private var sendKey: SRTPMasterKey?
    private var receiveKey: SRTPMasterKey?
    private var protector: (any PacketProtector)?
    private var unprotector: (any PacketUnprotector)?
    /// Keys are agreed on by DTLS: without them nothing is sent or believed.
    private var isRequired = false
    /// A protector has counted under some key.
    private var hasProtected = false
    /// Another number: keys of descriptions have taken effect anew. They may have been in force before, and a new protector
    /// counts from zero, so the stream goes on under another SSRC (RFC 3711 section 9.1).
    private(set) var epoch = 0

    /// What a description asks for. Under a key that stays, the counters go on: an index must not be used twice, nor a
    /// replay be believed. Throws `.protectionUnavailable`.
    ///
    /// - Parameter isAnotherParty: nothing of before counts. Who has left knows those keys, and may still be sending.
    func renewed(
        for description: MediaStreamDescription, isAnotherParty: Bool, using factory: (any PacketProtection)?
    ) throws(MediaFailure) -> LegProtection {
        var result = self
        if isAnotherParty { result.dropKeys() }
        result.isRequired = description.keyAgreement != nil
        // Keys that DTLS gave count until it gives others.
        if isRequired, result.isRequired { return result }
        if description.sendKey != result.sendKey {
            result.sendKey = description.sendKey
            result.protector = nil
            if let key = description.sendKey {
                guard let made = try? factory?.makeProtector(key) else { throw .protectionUnavailable(key.suite) }
                result.protector = made
                if hasProtected { result.epoch += 1 }
                result.hasProtected = true
            }
        }
        if description.receiveKey != result.receiveKey {
            result.receiveKey = description.receiveKey
            result.unprotector = nil
            if let key = description.receiveKey {
                guard let made = try? factory?.makeUnprotector(key) else { throw .protectionUnavailable(key.suite) }
                result.unprotector = made
            }
        }
        return result
    }

    /// The keys that were agreed on. Under the same ones the counters go on.
    mutating func take(
        send: SRTPMasterKey, receive: SRTPMasterKey, using factory: (any PacketProtection)?
    ) throws(SRTPError) {
        guard let factory else { throw .unavailable(send.suite) }
        if send != sendKey {
            protector = try factory.makeProtector(send)
            hasProtected = true
        }
        if receive != receiveKey { unprotector = try factory.makeUnprotector(receive) }
        sendKey = send
        receiveKey = receive
    }

    mutating func dropKeys() {
        sendKey = nil
        receiveKey = nil
        protector = nil
        unprotector = nil
    }

    /// True when what comes in has to be unprotected.
    var decrypts: Bool { unprotector != nil || isRequired }

    /// The size of the plain packet, which begins where the protected one did; nil when it is not authentic.
    func unprotectRTP(_ packet: UnsafeMutableRawBufferPointer) -> Int? { try? unprotector?.unprotectRTP(packet) }

    func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer) -> Int? { try? unprotector?.unprotectRTCP(packet) }

    /// The size to send, unchanged for plain RTP; nil when the packet must not be sent.
    func protectRTP(_ packet: UnsafeMutableRawBufferPointer, size: Int) -> Int? {
        guard let protector else { return isRequired ? nil : size }
        return try? protector.protectRTP(packet, size: size)
    }

    func protectRTCP(_ packet: UnsafeMutableRawBufferPointer, size: Int) -> Int? {
        guard let protector else { return isRequired ? nil : size }
        return try? protector.protectRTCP(packet, size: size)
    }
}
