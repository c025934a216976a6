import Primitives

/// Looks for bytes in a value as a debugger would: through every stored property, private ones, enum payloads, collections
/// and referenced objects included, and into `Secret`, which hides from every other way of looking.
enum MemorySearch {
    /// True when some string, byte array or number in `value` holds `needle`. An empty needle is in nothing.
    static func holds(_ value: Any, _ needle: [UInt8]) -> Bool {
        guard !needle.isEmpty else { return false }
        var isFound = false
        walk(value) { bytes in
            isFound = isFound || contains(bytes, needle)
            return !isFound
        }
        return isFound
    }

    /// Every string and byte array in `value`, in the order of its properties; at most `limit`.
    static func texts(_ value: Any, limit: Int) -> [[UInt8]] {
        var found: [[UInt8]] = []
        walk(value) { bytes in
            found.append(bytes)
            return found.count < limit
        }
        return found
    }

    private static func walk(_ value: Any, _ visit: ([UInt8]) -> Bool) {
        var seen: Set<ObjectIdentifier> = []
        var open: [Any] = [value]
        while let next = open.popLast() {
            switch next {
            case let text as String: if !visit(Array(text.utf8)) { return }
            case let bytes as [UInt8]: if !visit(bytes) { return }
            case let text as Substring: if !visit(Array(text.utf8)) { return }
            case let secret as Secret: if !visit(secret.withBytes { Array($0) }) { return }
            case let number as any BinaryInteger: if !visit(Array("\(number)".utf8)) { return }
            case let number as any BinaryFloatingPoint: if !visit(Array("\(number)".utf8)) { return }
            default:
                let mirror = Mirror(reflecting: next)
                if mirror.displayStyle == .class {
                    guard seen.insert(ObjectIdentifier(next as AnyObject)).inserted else { continue }
                }
                var current: Mirror? = mirror
                while let layer = current {
                    for child in layer.children { open.append(child.value) }
                    current = layer.superclassMirror
                }
            }
        }
    }

    private static func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
        guard bytes.count >= needle.count else { return false }
        return (0...bytes.count - needle.count).contains { start in
            bytes[start] == needle[0] && bytes[start..<start + needle.count].elementsEqual(needle)
        }
    }
}
