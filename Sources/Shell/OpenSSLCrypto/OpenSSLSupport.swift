import COpenSSL

/// The oldest entry of this thread's OpenSSL error queue as an error; empties the queue.
func openSSLFailure(_ operation: String) -> CryptoError {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0 else { return .openSSL(operation: operation, detail: "no reason given") }
    var text = [CChar](repeating: 0, count: 256)
    ERR_error_string_n(code, &text, text.count)
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return .openSSL(operation: operation, detail: String(decoding: bytes, as: UTF8.self))
}

/// Throws unless an OpenSSL call answered 1.
func require(_ result: Int32, _ operation: String) throws(CryptoError) {
    guard result == 1 else { throw openSSLFailure(operation) }
}

/// Throws when an OpenSSL constructor answered nil.
func require<Value>(_ value: Value?, _ operation: String) throws(CryptoError) -> Value {
    guard let value else { throw openSSLFailure(operation) }
    return value
}

/// Runs a `d2i_*` function over exactly these bytes; nil when they do not parse or something is left over.
/// `release` frees a value that was followed by trailing bytes.
func decodeDER(
    _ bytes: [UInt8],
    _ decode: (UnsafeMutablePointer<UnsafePointer<UInt8>?>, Int) -> OpaquePointer?,
    release: (OpaquePointer) -> Void
) -> OpaquePointer? {
    bytes.withUnsafeBufferPointer { buffer in
        guard !buffer.isEmpty else { return nil }
        var position = buffer.baseAddress
        guard let value = decode(&position, buffer.count) else {
            ERR_clear_error()
            return nil
        }
        guard let start = buffer.baseAddress, position == start + buffer.count else {
            release(value)
            return nil
        }
        return value
    }
}

/// Runs an `i2d_*` function; nil when it fails.
func encodeDER(_ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) -> [UInt8]? {
    let length = Int(encode(nil))
    guard length > 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: length)
    let written = bytes.withUnsafeMutableBufferPointer { buffer in
        var position = buffer.baseAddress
        return Int(encode(&position))
    }
    return written == length ? bytes : nil
}

extension Array where Element == UInt8 {
    /// Overwrites key material before the memory is given back.
    mutating func wipe() {
        let length = count
        guard length > 0 else { return }
        withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, length) }
    }
}
