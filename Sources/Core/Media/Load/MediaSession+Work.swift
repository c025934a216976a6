import Primitives

extension MediaSession {
    /// What the session does, by its descriptions and programs. Nothing before both sides, or a side and a program, say so.
    var work: MediaWork {
        var work = MediaWork()
        for index in Self.sides {
            guard let description = legs[index].description else { continue }
            let packets = Self.packets(description)
            let isProtected = description.keyAgreement != nil
            if description.receives {
                work.packets += packets
                if isProtected || description.receiveKey != nil { work.protectedPackets += packets }
            }
            if description.sends, isProtected || description.sendKey != nil { work.protectedPackets += packets }
            if isTranscoding(index) {
                let sink = sink(of: legs[index].side).rawValue
                work.decoded.add(description.codec)
                if let codec = legs[sink].description?.codec { work.encoded.add(codec) }
            }
            guard isComposed else { continue }
            if terminals[index].ear != nil { work.decoded.add(description.codec) }
            if terminals[index].mouth != nil { work.encoded.add(description.codec) }
        }
        return work
    }

    /// Both sides are described, or one and what it hears instead: what the session costs is known.
    var isDescribed: Bool {
        let described = Self.sides.filter { legs[$0].description != nil }
        return described.count == 2 || described.count == 1 && (isEcho || isComposed)
    }

    private static func packets(_ description: MediaStreamDescription) -> Int {
        Int(clamping: 1_000_000_000 / max(10_000_000, description.ptime.wholeNanoseconds))
    }
}
