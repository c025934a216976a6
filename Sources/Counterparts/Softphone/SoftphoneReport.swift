import FoundationEssentials
import Media
package import SoftphoneCore

/// One line of the softphone's output: an event, with the figures of the audio when a call has ended.
package struct SoftphoneReport: Sendable, Encodable {
    package var event: String
    package var status: Int?
    package var from: String?
    package var codec: String?
    package var expiresSeconds: Int?
    package var heardHertz: Double?
    package var packetsSent: UInt64?
    package var packetsReceived: UInt64?
    package var packetsLost: UInt64?
    package var jitterMilliseconds: Double?
    package var concealedFrames: UInt64?

    /// `audio` is the report of the call that ended, if there was audio.
    package init(_ event: SoftphoneEvent, audio: AudioEndpoint.Report?) {
        switch event {
        case .registered(let seconds):
            self.event = "registered"
            expiresSeconds = seconds
        case .registrationFailed(let status):
            self.event = "registration-failed"
            self.status = status
        case .unregistered: self.event = "unregistered"
        case .incoming(let caller):
            self.event = "incoming"
            from = caller
        case .ringing: self.event = "ringing"
        case .established(let codec):
            self.event = "established"
            self.codec = codec.rawValue
        case .ended: self.event = "ended"
        case .failed(let status):
            self.event = "failed"
            self.status = status
        case .answered(let method, let status):
            self.event = "answered"
            from = method
            self.status = status
        case .notified(let resource, _, _):
            self.event = "notified"
            from = resource
        }
        guard let audio, self.event == "ended" else { return }
        heardHertz = audio.heardHertz ?? 0
        packetsSent = audio.packetsSent
        packetsReceived = audio.packetsReceived
        packetsLost = audio.packetsLost
        jitterMilliseconds = audio.jitterMilliseconds
        concealedFrames = audio.concealedFrames
    }

    /// One JSON object without a line break.
    package var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let data = (try? encoder.encode(self)) ?? Data("{}".utf8)
        return String(decoding: data, as: UTF8.self)
    }

    /// A line for people.
    package var text: String {
        var parts = [event]
        if let status { parts.append("status \(status)") }
        if let from { parts.append("from \(from)") }
        if let codec { parts.append("codec \(codec)") }
        if let expiresSeconds { parts.append("for \(expiresSeconds) s") }
        if let heardHertz { parts.append(heardHertz > 0 ? "heard \(Int(heardHertz)) Hz" : "heard no tone") }
        if let packetsReceived, let packetsLost, let packetsSent {
            parts.append("sent \(packetsSent), received \(packetsReceived), lost \(packetsLost) packets")
        }
        if let jitterMilliseconds { parts.append("jitter \(Int(jitterMilliseconds.rounded())) ms") }
        return parts.joined(separator: ", ")
    }
}
