import CSockets
import Media
import Primitives

/// Whether the worker keeps up.
extension MediaLoop {
    /// How often a part of the sockets is asked what they had no room for; all of them in twenty times that.
    private static let inspection = Duration.milliseconds(50)
    private static let inspectionParts = 20

    /// At the end of each turn, which took, or came, so late.
    mutating func watchPressure(late: Duration, at now: Instant) {
        if late >= MediaPressure.late {
            shared.countLateTurn()
            change(at: now) { $0.turn(late: late, at: now) }
        }
        guard now >= nextInspection else { return }
        nextInspection = now + Self.inspection
        let full = inspectSockets()
        if full > 0 || pressure.isClosed { change(at: now) { $0.dropped(sockets: full, at: now) } }
    }

    /// Before anything is let in.
    mutating func recover() {
        if pressure.isClosed { change(at: Self.now) { _ in } }
    }

    private mutating func change(at now: Instant, _ body: (inout MediaPressure) -> Void) {
        let wasClosed = pressure.isClosed
        body(&pressure)
        pressure.recover(at: now)
        if pressure.isClosed != wasClosed { shared.note(isHeldUp: pressure.isClosed) }
    }

    /// How many of a part of the RTP sockets had no room for something since they were last asked.
    private mutating func inspectSockets() -> Int {
        guard !sockets.isEmpty else { return 0 }
        var full = 0
        for _ in 0..<(sockets.count + Self.inspectionParts - 1) / Self.inspectionParts {
            let slot = inspectedSlot % sockets.count
            inspectedSlot = slot + 1
            for token in stride(from: slot << 2, to: (slot + 1) << 2, by: 2) where descriptors[token] >= 0 {
                var count: UInt32 = 0
                guard csockets_receive_backlog(descriptors[token], &count) >= 0, count != drops[token] else { continue }
                shared.countDroppedByKernel(UInt64(count &- drops[token]))
                drops[token] = count
                full += 1
            }
        }
        return full
    }
}
