/// What may be printed on a type plate, and stands in the device certificate.
package enum DeviceName {
    /// 1 to 32 of `A-Z a-z 0-9 -`.
    package static func isValid(serial: String) -> Bool {
        (1...32).contains(serial.utf8.count) && serial.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    /// 1 to 31 of `A-Z a-z 0-9 - _ .`: with the serial number and a hyphen a common name of at most 64 (RFC 5280 A.1).
    package static func isValid(model: String) -> Bool {
        (1...31).contains(model.utf8.count)
            && model.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}
