import COpenSSL
import Primitives

/// Reads the parts of a parsed X.509 certificate.
enum CertificateFields {
    static func subjectFields(_ certificate: OpaquePointer) -> SubjectFields {
        fields(of: X509_get_subject_name(certificate))
    }

    static func fields(of name: OpaquePointer?) -> SubjectFields {
        SubjectFields(
            commonName: text(name, NID_commonName), organizationalUnit: text(name, NID_organizationalUnitName),
            serialNumber: text(name, NID_serialNumber))
    }

    /// RFC 2253 like, on one line.
    static func subjectLine(_ certificate: OpaquePointer) -> String {
        guard let memory = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(memory) }
        guard X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, shim_one_line_names) >= 0 else {
            ERR_clear_error()
            return ""
        }
        var buffer = [UInt8](repeating: 0, count: 512)
        let count = BIO_read(memory, &buffer, Int32(buffer.count))
        return String(decoding: buffer.prefix(max(0, Int(count))), as: UTF8.self)
    }

    static func alternativeNames(_ certificate: OpaquePointer) -> ([String], [IPAddress]) {
        guard let names = shim_alternative_names(certificate) else {
            ERR_clear_error()
            return ([], [])
        }
        defer { shim_alternative_names_free(names) }
        var dnsNames: [String] = []
        var addresses: [IPAddress] = []
        for index in 0..<min(shim_alternative_names_count(names), Int32(Certificate.alternativeNameLimit)) {
            var start: UnsafePointer<UInt8>?
            var length: Int32 = 0
            let kind = shim_alternative_name(names, index, &start, &length)
            let bytes = Array(UnsafeBufferPointer(start: start, count: Int(length)))
            if kind == 2, bytes.allSatisfy({ (0x21...0x7E).contains($0) }) {
                dnsNames.append(String(decoding: bytes, as: UTF8.self).lowercased())
            } else if kind == 7, let address = address(bytes) {
                addresses.append(address)
            }
        }
        return (dnsNames, addresses)
    }

    static func unixTime(_ time: UnsafePointer<ASN1_TIME>?) -> UnixTime? {
        guard let time, let epoch = ASN1_TIME_set(nil, 0) else { return nil }
        defer { ASN1_STRING_free(epoch) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else {
            ERR_clear_error()
            return nil
        }
        return UnixTime(seconds: Int64(days) * 86_400 + Int64(seconds))
    }

    private static func text(_ name: OpaquePointer?, _ nid: Int32) -> String? {
        let index = X509_NAME_get_index_by_NID(name, nid, -1)
        guard index >= 0, X509_NAME_get_index_by_NID(name, nid, index) < 0 else { return nil }
        let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index))
        var memory: UnsafeMutablePointer<UInt8>?
        let length = ASN1_STRING_to_UTF8(&memory, value)
        guard length > 0, let memory else {
            ERR_clear_error()
            return nil
        }
        defer { shim_free(memory) }
        let bytes = Array(UnsafeBufferPointer(start: memory, count: Int(length)))
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func address(_ bytes: [UInt8]) -> IPAddress? {
        func word(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: return .v4(UInt32(word(0..<4)))
        case 16: return .v6(word(0..<8), word(8..<16))
        default: return nil
        }
    }
}
