import COpenSSL
package import Primitives

extension Certificate {
    /// Path validation (RFC 5280 section 6) from `leaf` over `intermediates` to `root` and to no other authority, at the
    /// time `at`. For `.client` and `.server` the leaf must name that use in its extended key usage; a leaf that names none
    /// is refused.
    package static func verifyChain(
        leaf: Certificate, intermediates: [Certificate], root: Certificate, at time: UnixTime, purpose: Purpose
    ) throws(CryptoError) {
        guard intermediates.count < chainLimit else {
            throw .limitExceeded(
                what: "number of certificates in a chain", value: intermediates.count, limit: chainLimit)
        }
        let store = try require(X509_STORE_new(), "certificate store")
        defer { X509_STORE_free(store) }
        try require(X509_STORE_add_cert(store, root.x509), "certificate store")
        let stack = try require(shim_certificate_stack_new(), "certificate stack")
        defer { shim_certificate_stack_free(stack) }
        for certificate in intermediates {
            guard shim_certificate_stack_push(stack, certificate.x509) > 0 else {
                throw openSSLFailure("certificate stack")
            }
        }
        let context = try require(X509_STORE_CTX_new(), "path validation")
        defer { X509_STORE_CTX_free(context) }
        try require(X509_STORE_CTX_init(context, store, leaf.x509, stack), "path validation")
        let parameters = X509_STORE_CTX_get0_param(context)
        X509_VERIFY_PARAM_set_time(parameters, time_t(time.seconds))
        X509_VERIFY_PARAM_set_depth(parameters, Int32(chainLimit))
        try require(X509_VERIFY_PARAM_set_flags(parameters, UInt(X509_V_FLAG_X509_STRICT)), "path validation")
        guard X509_verify_cert(context) == 1 else {
            let code = X509_STORE_CTX_get_error(context)
            ERR_clear_error()
            let reason = X509_verify_cert_error_string(Int(code)).map { String(cString: $0) } ?? "error \(code)"
            throw .certificateRejected(subject: leaf.subject, reason: reason)
        }
        guard leaf.allows(purpose) else {
            throw .certificateRejected(subject: leaf.subject, reason: "it is not made for use as \(purpose)")
        }
    }

    /// Whether the key usage includes signatures, and the extended key usage names `purpose`.
    package func allows(_ purpose: Purpose) -> Bool {
        // All ones mean that the extension is absent; all certificates of the vendor PKI state it.
        let usage = X509_get_key_usage(x509)
        guard usage != UInt32.max, usage & UInt32(KU_DIGITAL_SIGNATURE) != 0 else { return false }
        let extended = X509_get_extended_key_usage(x509)
        switch purpose {
        case .any: return true
        case .client: return extended != UInt32.max && extended & UInt32(XKU_SSL_CLIENT) != 0
        case .server: return extended != UInt32.max && extended & UInt32(XKU_SSL_SERVER) != 0
        }
    }
}
