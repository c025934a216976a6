import Dispatch
import Glibc
import NIOPosix
import Softphone
import SoftphoneCore

/// One run of the softphone: its events as they come, printed, and the signals that end it.
struct Session {
    let runner: SoftphoneRunner
    let reports: AsyncStream<SoftphoneReport?>
    private let options: PhoneOptions
    private let signals: [any DispatchSourceSignal]
    private let giveUp: @Sendable () -> Void

    /// Registers; `nil` in `reports` means that the user wants to end.
    init(_ options: PhoneOptions, answersAfter: Duration? = nil) async throws {
        self.options = options
        let (stream, continuation) = AsyncStream.makeStream(of: SoftphoneReport?.self)
        reports = stream
        giveUp = { continuation.yield(nil) }
        let json = options.json
        runner = SoftphoneRunner(
            account: try options.makeAccount(answersAfter: answersAfter), options: try options.makeRunnerOptions(),
            eventLoop: MultiThreadedEventLoopGroup.singleton.any()
        ) { report in
            print(json ? report.json : report.text)
            fflush(nil)
            continuation.yield(report)
        }
        signals = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(nil) }
            source.resume()
            return source
        }
        try await options.connect(runner)
    }

    /// Takes leave of the registrar (two seconds at most), writes the recording, closes the sockets.
    func end(_ iterator: inout AsyncStream<SoftphoneReport?>.Iterator, isRegistered: Bool) async throws {
        if isRegistered {
            runner.command(.unregister)
            let timer = DispatchSource.makeTimerSource(queue: .global())
            let giveUp = giveUp
            timer.setEventHandler { giveUp() }
            timer.schedule(deadline: .now() + 2)
            timer.resume()
            defer { timer.cancel() }
            while let report = await iterator.next() {
                guard let report else { break }
                if report.event == "unregistered" || report.event == "registration-failed" { break }
            }
        }
        if let path = options.record { try WAVFile.write(try await runner.heard(), to: path) }
        await runner.shutdown()
        for source in signals { source.cancel() }
    }
}
