import COpenSSL

/// OpenSSL's provider for TPM 2.0 (`tpm2`, of the package tpm2-openssl), in a library context of its own: in the default
/// one it would take over hashes and random numbers too. Which TPM it is says `TPM2OPENSSL_TCTI` (`device:/dev/tpmrm0`).
enum TPMProvider {
    /// How a key that a TPM keeps begins.
    static let armour = "-----BEGIN TSS2 PRIVATE KEY-----"
    static let properties = "?provider=tpm2"

    /// Loaded once, when the first such key is; never unloaded.
    private static let loaded = Loaded()

    /// `@unchecked Sendable`: nothing changes after `init`; a library context may be used from all threads.
    private final class Loaded: @unchecked Sendable {
        let library: OpaquePointer?

        init() {
            let made = OSSL_LIB_CTX_new()
            if OSSL_PROVIDER_load(made, "default") != nil, OSSL_PROVIDER_load(made, "tpm2") != nil {
                library = made
            } else {
                OSSL_LIB_CTX_free(made)
                ERR_clear_error()
                library = nil
            }
        }
    }

    /// Throws when there is no such provider on this machine.
    static func context() throws(CryptoError) -> OpaquePointer {
        guard let library = loaded.library else {
            throw .unsupported("a key in a TPM: OpenSSL's provider 'tpm2' finds none, or is not there (tpm2-openssl)")
        }
        return library
    }

    /// Ownership goes to the caller. Throws for what this TPM did not make, and when no TPM answers.
    static func key(_ text: String, _ library: OpaquePointer) throws(CryptoError) -> OpaquePointer {
        let bytes = Array(text.utf8)
        guard let key = shim_decode_tpm_key(library, bytes, bytes.count) else {
            ERR_clear_error()
            throw .malformed(what: "private key", reason: "this machine's TPM does not open it, or there is none")
        }
        return key
    }
}
