import COpenSSL
package import Primitives
package import RTP

/// One DTLS association for the keys of a stream (RFC 5763, RFC 5764): DTLS 1.2 of libssl between two memory BIOs.
///
/// ```text
///  idle ── start ──▶ handshaking ── Finished, and certificate and profile are right ──▶ agreed ── close, alert ──▶ ended
///                        │ retransmits its flights                                        │ repeats its last flight
///                        └── own alert, wrong certificate, no profile, Limits.keyAgreement ──▶ ended
/// ```
/// The peer is known by its certificate's fingerprint alone: no authority, name or date counts, and without a match
/// there are no keys. There is no cookie exchange (RFC 6347 section 4.2.1): a handshake is only taken from where the
/// signalling says that the peer is, once per stream, so nobody is flooded who was not named there.
///
/// Until Finished nothing proves where a datagram comes from. Who can put that source on one gets no keys, nor can an
/// alert of his end the handshake: alerts in the clear are passed over (RFC 6347 section 4.1.2.7), and the limit
/// decides. A forged handshake message in good form can still make it fail, as DTLS 1.2 has it.
///
/// Time: the limit of the handshake counts in the injected time. When to send a flight again is libssl's to know, and
/// it asks the wall clock: `nextDeadline` is what it says is left, from the injected now on. A wall clock that is set
/// back during a handshake delays the repetition; it cannot prolong the limit. Tests put the clock of libssl under
/// their own.
package final class DTLSAssociation: KeyAgreement {
    /// Bytes of UDP payload: fits every IPv6 path (RFC 8200 section 5) with some room for tunnels.
    package static let datagramBytes = 1_200
    /// What one input may put out; a flight with the largest certificate needs as many.
    private static let datagramsAtMost = 20
    private static let label = "EXTRACTOR-dtls_srtp"

    private enum State {
        case idle
        case handshaking(giveUp: Instant)
        case agreed
        case ended
    }

    private let ssl: OpaquePointer
    /// Both belong to `ssl`.
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    // Keeps the context, and with it the certificate, alive.
    private let identity: DTLSIdentity
    private let parameters: KeyAgreementParameters
    private let limit: Duration
    private let receivedBytes: Int
    private var state = State.idle
    private var timer: Instant?
    private var sawWrongCertificate = false
    /// The last one that came in the clear: nobody's word, but the best guess when the limit has come.
    private var plainAlert: UInt8?

    init(
        _ identity: DTLSIdentity, _ parameters: KeyAgreementParameters, limits: Limits, at now: Instant
    ) throws(KeyAgreementFailure) {
        ERR_clear_error()
        guard let ssl = SSL_new(identity.context) else { throw .unavailable(reason: Self.reason()) }
        guard let incoming = shim_datagram_bio(), let outgoing = shim_datagram_bio() else {
            SSL_free(ssl)
            throw .unavailable(reason: "no memory")
        }
        SSL_set_bio(ssl, incoming, outgoing)
        shim_dtls_set_mtu(ssl, Self.datagramBytes)
        self.ssl = ssl
        self.incoming = incoming
        self.outgoing = outgoing
        self.identity = identity
        self.parameters = parameters
        limit = limits.keyAgreement
        receivedBytes = limits.rtpPacketBytes
        switch parameters.role {
        case .client: SSL_set_connect_state(ssl)
        case .server: SSL_set_accept_state(ssl)
        }
        // Not retained: `ssl` does not outlive self.
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { SSL_free(ssl) }

    package var nextDeadline: Instant? {
        guard case .handshaking(let giveUp) = state else { return nil }
        return min(giveUp, timer ?? giveUp)
    }

    package func handle(_ input: KeyAgreementInput, at now: Instant) -> [KeyAgreementEffect] {
        ERR_clear_error()
        defer { readTimer(at: now) }
        switch (state, input) {
        case (.idle, .start):
            state = .handshaking(giveUp: now + limit)
            return shake()
        case (.handshaking, .datagram(let bytes)):
            let (kept, alert) = DTLSRecords.withoutPlainAlerts(bytes)
            plainAlert = alert ?? plainAlert
            guard feed(kept) else { return [] }
            return shake()
        case (.handshaking(let giveUp), .deadline):
            guard now < giveUp else {
                return end(plainAlert.map { .refused(reason: Self.text(ofAlert: $0)) } ?? .timedOut(after: limit))
            }
            guard shim_dtls_handle_timeout(ssl) >= 0 else { return end(.timedOut(after: limit)) }
            return sent()
        case (.agreed, .datagram(let bytes)):
            guard feed(bytes) else { return [] }
            return read()
        case (.agreed, .close):
            SSL_shutdown(ssl)
            state = .ended
            return sent()
        case (.idle, .close), (.handshaking, .close):
            state = .ended
            return []
        case (.idle, .datagram), (.idle, .deadline), (.handshaking, .start), (.agreed, .start), (.agreed, .deadline),
            (.ended, _):
            return []
        }
    }

    // MARK: Datagrams

    private func feed(_ bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty, bytes.count <= receivedBytes else { return false }
        // What the last datagram left is no beginning of this one.
        shim_bio_reset(incoming)
        return BIO_write(incoming, bytes, Int32(bytes.count)) == Int32(bytes.count)
    }

    private func sent() -> [KeyAgreementEffect] {
        let size = shim_bio_pending(outgoing)
        guard size > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: size)
        guard BIO_read(outgoing, &bytes, Int32(clamping: size)) == Int32(clamping: size) else { return [] }
        return DTLSRecords.datagrams(of: bytes, size: Self.datagramBytes).prefix(Self.datagramsAtMost)
            .map { KeyAgreementEffect.transmit($0) }
    }

    private func readTimer(at now: Instant) {
        let left = shim_dtls_timeout(ssl)
        timer = left < 0 ? nil : now + .microseconds(left)
    }

    // MARK: Handshake

    private func shake() -> [KeyAgreementEffect] {
        let result = SSL_do_handshake(ssl)
        if result == 1 { return finish() }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return sent()
        default: return end(sawWrongCertificate ? .wrongCertificate : .refused(reason: Self.reason()))
        }
    }

    /// The handshake is done: keys, if the peer is the right one and speaks SRTP.
    private func finish() -> [KeyAgreementEffect] {
        guard matches(SSL_get0_peer_certificate(ssl)) else { return end(.wrongCertificate) }
        guard let profile = SSL_get_selected_srtp_profile(ssl), let suite = Self.suite(of: profile.pointee.id) else {
            SSL_shutdown(ssl)
            return end(.noCommonProfile)
        }
        guard let keys = keys(suite) else { return end(.refused(reason: Self.reason())) }
        state = .agreed
        return sent() + [.agreed(send: keys.send, receive: keys.receive)] + read()
    }

    /// Repeats our last flight when the peer has lost it, and sees alerts; application data mean nothing here.
    private func read() -> [KeyAgreementEffect] {
        var scratch = [UInt8](repeating: 0, count: receivedBytes)
        while true {
            let count = SSL_read(ssl, &scratch, Int32(scratch.count))
            if count > 0 { continue }
            switch SSL_get_error(ssl, count) {
            case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return sent()
            default:
                // A close_notify or a fatal alert, which only the peer can have made.
                let effects = sent()
                state = .ended
                return effects + [.closed]
            }
        }
    }

    private func end(_ failure: KeyAgreementFailure) -> [KeyAgreementEffect] {
        state = .ended
        return sent() + [.failed(failure)]
    }

    private static func suite(of profile: UInt) -> SRTPSuite? {
        switch Int32(profile) {
        case SRTP_AES128_CM_SHA1_80: .aesCM128HMACSHA1Tag80
        case SRTP_AEAD_AES_128_GCM: .aeadAES128GCM
        case SRTP_AEAD_AES_256_GCM: .aeadAES256GCM
        default: nil
        }
    }

    /// Client's key, server's key, client's salt, server's salt (RFC 5764 section 4.2).
    private func keys(_ suite: SRTPSuite) -> (send: SRTPMasterKey, receive: SRTPMasterKey)? {
        var material = [UInt8](repeating: 0, count: 2 * suite.masterBytes)
        defer { material.wipe() }
        let size = material.count
        let result = SSL_export_keying_material(
            ssl, &material, size, Self.label, Self.label.utf8.count, nil, 0, 0)
        guard result == 1 else { return nil }
        let salts = 2 * suite.keyBytes
        func key(_ side: Int) -> SRTPMasterKey? {
            var bytes = Array(material[side * suite.keyBytes..<(side + 1) * suite.keyBytes])
            bytes += material[salts + side * suite.saltBytes..<salts + (side + 1) * suite.saltBytes]
            defer { bytes.wipe() }
            return SRTPMasterKey(suite: suite, keyAndSalt: Secret(bytes))
        }
        guard let client = key(0), let server = key(1) else { return nil }
        return parameters.role == .client ? (client, server) : (server, client)
    }

    // MARK: The peer's certificate

    /// libssl asks during the handshake, so that a stranger is told bad_certificate (RFC 8122 section 6.2).
    static func verifies(_ store: OpaquePointer?) -> Bool {
        guard let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let pointer = SSL_get_ex_data(OpaquePointer(ssl), 0)
        else { return false }
        let association = Unmanaged<DTLSAssociation>.fromOpaque(pointer).takeUnretainedValue()
        guard association.matches(X509_STORE_CTX_get0_cert(store)) else {
            association.sawWrongCertificate = true
            X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED)
            return false
        }
        return true
    }

    private func matches(_ certificate: OpaquePointer?) -> Bool {
        guard let certificate else { return false }
        return parameters.peerFingerprints.contains { fingerprint in
            let function =
                switch fingerprint.hashFunction {
                case .sha256: EVP_sha256()
                case .sha384: EVP_sha384()
                case .sha512: EVP_sha512()
                }
            var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
            var length: UInt32 = 0
            guard X509_digest(certificate, function, &digest, &length) == 1 else { return false }
            return constantTimeEquals(Array(digest.prefix(Int(length))), fingerprint.digest)
        }
    }

    private static func text(ofAlert code: UInt8) -> String {
        let text = SSL_alert_desc_string_long(Int32(code)).map { String(cString: $0) } ?? "unknown"
        return "the peer may have said \"\(text)\", and no more"
    }

    /// The oldest entry of the thread's error queue, in words.
    private static func reason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return "no reason given" }
        return String(cString: text)
    }
}
