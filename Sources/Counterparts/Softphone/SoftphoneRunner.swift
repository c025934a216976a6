import Media
package import NIOCore
package import NIOSSL
import OpenSSLCrypto
import OpusCodec
package import Primitives
package import SIPTransaction
package import SoftphoneCore
import Transport

/// Runs a `SoftphoneCore` on real sockets: its effects become datagrams, its media becomes RTP.
///
/// `@unchecked Sendable`: all mutable state is confined to `eventLoop`.
package final class SoftphoneRunner: @unchecked Sendable {
    package struct Options: Sendable {
        package var toneHertz: Double?
        /// 8 kHz samples played once before the tone.
        package var script: [Int16] = []
        /// The address that SDP and RTP use.
        package var mediaAddress: IPAddress
        /// Keeps what is heard, for `recording`.
        package var records = false

        package init(mediaAddress: IPAddress) {
            self.mediaAddress = mediaAddress
        }
    }

    private let eventLoop: any EventLoop
    private let options: Options
    private let onReport: @Sendable (SoftphoneReport) -> Void
    private var core: SoftphoneCore
    private var entropy = Entropy(SystemEntropyGenerator())
    private let codecs = LibraryCodecs()
    private var transport: SIPTransport?
    private var audio: AudioEndpoint?
    private var lastAudioReport: AudioEndpoint.Report?
    private var sockets: MediaSockets?
    /// Counts openings and closings: sockets that open after their call has ended are closed again.
    private var mediaGeneration = 0
    private var ticker: RepeatedTask?
    private var deadline: (at: Instant, task: Scheduled<Void>)?
    /// 8 kHz samples heard so far, over all calls.
    private var recording: [Int16] = []

    package init(
        account: SoftphoneAccount, options: Options, eventLoop: any EventLoop,
        onReport: @escaping @Sendable (SoftphoneReport) -> Void
    ) {
        self.eventLoop = eventLoop
        self.options = options
        self.onReport = onReport
        core = SoftphoneCore(account: account, hashes: OpenSSLHashes())
    }

    /// Opens the way to the server and registers. `serverName` goes into SNI and is checked in the certificate.
    package func connect(
        _ transport: SIPFlow.Transport, to server: Endpoint, tls: NIOSSLContext? = nil, serverName: String? = nil
    ) async throws {
        let sockets = SIPTransport(eventLoop: eventLoop) { [weak self] event in self?.transportEvent(event) }
        let flow: SIPFlow
        if transport == .udp {
            let local = try await sockets.listen(.udp, on: Endpoint(address: options.mediaAddress, port: 0))
            flow = SIPFlow(transport: .udp, local: local, remote: server)
        } else {
            flow = try await sockets.connect(transport, to: server, tls: tls, serverName: serverName)
        }
        try await eventLoop.submit { [self] in
            self.transport = sockets
            input(.connected(flow))
        }.get()
    }

    package func command(_ command: SoftphoneCommand) {
        eventLoop.execute { [self] in input(.command(command)) }
    }

    package func hangUp(after delay: Duration) {
        _ = eventLoop.scheduleTask(in: .nanoseconds(delay.wholeNanoseconds)) { [weak self] in
            self?.input(.command(.hangUp))
        }
    }

    /// What was heard: 8 kHz samples.
    package func heard() async throws -> [Int16] {
        try await eventLoop.submit { [self] in recording }.get()
    }

    package func shutdown() async {
        let transport = try? await eventLoop.submit { [self] in
            closeMedia()
            deadline?.task.cancel()
            return self.transport
        }.get()
        await transport?.shutdown()
    }

    // MARK: - On the loop

    private var now: Instant { Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds)) }

    private func transportEvent(_ event: SIPTransportEvent) {
        switch event {
        case .message(let bytes, let flow): input(.message(bytes, flow))
        case .closed: input(.flowClosed)
        case .counted, .overload: break
        }
    }

    private func input(_ input: SoftphoneInput) {
        for effect in core.handle(input, at: now, entropy: &entropy) { run(effect) }
        arm()
    }

    private func run(_ effect: SoftphoneEffect) {
        switch effect {
        case .transmit(let bytes, let flow): transport?.send(bytes, on: flow)
        case .openMedia: openMedia()
        case .configureMedia(let stream): configure(stream)
        case .closeMedia: closeMedia()
        case .event(let event): onReport(SoftphoneReport(event, audio: lastAudioReport))
        }
    }

    private func arm() {
        guard let next = core.nextDeadline else { return }
        if let deadline, deadline.at <= next { return }
        deadline?.task.cancel()
        let delay = TimeAmount.nanoseconds(max(0, (next - now).wholeNanoseconds))
        let task = eventLoop.scheduleTask(in: delay) { [weak self] in
            self?.deadline = nil
            self?.input(.deadline)
        }
        deadline = (next, task)
    }

    // MARK: - Media

    private func openMedia() {
        lastAudioReport = nil
        mediaGeneration += 1
        let generation = mediaGeneration
        let address = options.mediaAddress
        let opened = eventLoop.makeFutureWithTask { [self] in
            try await MediaSockets.bind(on: eventLoop, address: address) { [weak self] bytes, isRTCP in
                guard let self else { return }
                if isRTCP {
                    audio?.receiveRTCP(bytes, at: now)
                } else {
                    audio?.receiveRTP(bytes, at: now)
                }
            }
        }
        opened.assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success(let sockets) where generation != mediaGeneration: sockets.close()
            case .failure where generation != mediaGeneration: break
            case .success(let sockets):
                self.sockets = sockets
                input(.mediaReady(sockets.local.address, port: sockets.local.port))
            case .failure: input(.command(.hangUp))
            }
        }
    }

    private func configure(_ stream: MediaStreamDescription) {
        let pace = audio?.ptime
        do throws(MediaFailure) {
            if audio == nil {
                audio = try AudioEndpoint(
                    stream, codecs: codecs, toneHertz: options.toneHertz, script: options.script, entropy: &entropy,
                    at: now)
            } else {
                try audio?.redirect(stream, entropy: &entropy, at: now)
            }
        } catch {
            // A call without sound is no call.
            onReport(SoftphoneReport(.failed(status: 488), audio: nil))
            eventLoop.execute { [weak self] in self?.input(.command(.hangUp)) }
            return
        }
        guard pace != stream.ptime else { return }
        ticker?.cancel()
        let interval = TimeAmount.nanoseconds(stream.ptime.wholeNanoseconds)
        ticker = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
            self?.tick()
        }
    }

    private func tick() {
        guard let (packet, played) = audio?.tick(at: now) else { return }
        if let packet, let remote = audio?.remote { sockets?.send(packet, to: remote, isRTCP: false) }
        if let report = audio?.reportIfDue(at: now) { sockets?.send(report.bytes, to: report.to, isRTCP: true) }
        if options.records, recording.count < WAVFile.sampleLimit { recording += played }
    }

    private func closeMedia() {
        mediaGeneration += 1
        ticker?.cancel()
        ticker = nil
        lastAudioReport = audio?.report ?? lastAudioReport
        audio = nil
        sockets?.close()
        sockets = nil
    }
}
