/// Bytes that must not be seen: a password, a private key, a session key.
///
/// Never printed (every textual form is `<secret>`), compared in constant time, overwritten when the last reference
/// goes. It is a reference type so that copies of a value do not multiply the bytes in memory.
package final class Secret: @unchecked Sendable {
    // Immutable after init, freed in deinit: sharing it between threads is safe.
    private let storage: UnsafeMutableRawBufferPointer

    package init(_ bytes: some Collection<UInt8>) {
        storage = .allocate(byteCount: max(1, bytes.count), alignment: 1)
        count = bytes.count
        storage.copyBytes(from: bytes)
    }

    package convenience init(_ text: String) {
        self.init(Array(text.utf8))
    }

    deinit {
        // Volatile-like wipe: the compiler must not drop stores to memory that is about to be freed.
        for index in storage.indices { storage.storeBytes(of: 0, toByteOffset: index, as: UInt8.self) }
        withExtendedLifetime(storage) { blackHole(UnsafeRawPointer($0.baseAddress)) }
        storage.deallocate()
    }

    package let count: Int

    /// Runs `body` with the bytes; they must not escape it.
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(rebasing: storage[..<count]))
    }

    /// Takes the same time for every content of equal length.
    package func matches(_ other: Secret) -> Bool {
        guard count == other.count else { return false }
        var difference: UInt8 = 0
        for index in 0..<count { difference |= storage[index] ^ other.storage[index] }
        return difference == 0
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<secret>" }
    package var debugDescription: String { "<secret>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: Equatable {
    package static func == (left: Secret, right: Secret) -> Bool { left.matches(right) }
}

/// True when both byte strings are equal; takes the same time for every content of equal length.
package func constantTimeEquals(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}

/// The same for arrays, where it needs no generic code: credentials are compared with every registration.
package func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for index in left.indices { difference |= left[index] ^ right[index] }
    return difference == 0
}

@inline(never)
private func blackHole(_ pointer: UnsafeRawPointer?) {}
