import NIOCore

/// A byte channel that rides on another channel, usually on one HTTP/2 stream: TLS and HTTP handlers work on it as on a
/// socket.
///
/// Why it exists: an HTTP/2 stream channel of NIO ends the process when a handler asks it for an option it does not know,
/// and `NIOSSLHandler` asks for one as soon as the peer sends close_notify. Nothing that a peer sends may do that, so TLS
/// never runs directly on a stream. This channel answers every option, with an error where it has none.
///
/// Below it the carrier's pipeline must end in handlers that read and write `ByteBuffer`, report the peer's end as
/// `ChannelEvent.inputClosed`, and understand `close(mode: .output)`.
final class PipeChannel: Channel, ChannelCore, @unchecked Sendable {
    // State is touched on the event loop alone, except `isActive` and `isWritable`, which mirror the carrier's atomics.
    private let carrier: any Channel
    private let closePromise: EventLoopPromise<Void>
    private var lazyPipeline: ChannelPipeline?
    private var autoRead = true
    /// As on sockets: off, so that the peer's end is the channel's, unless a handler is made for half-closed channels.
    private var allowRemoteHalfClosure = false
    private var isFinished = false

    /// Puts a pipe on `carrier`. `initialise` adds the pipe's handlers; then it becomes active and starts to read. On the
    /// carrier's event loop; the carrier's own reading from now on follows the pipe's.
    @discardableResult
    static func attach(
        to carrier: any Channel, _ initialise: (PipeChannel) throws -> Void
    ) throws -> PipeChannel {
        carrier.eventLoop.preconditionInEventLoop()
        let pipe = PipeChannel(carrier: carrier)
        do {
            try carrier.syncOptions?.setOption(ChannelOptions.autoRead, value: false)
            try initialise(pipe)
            try carrier.pipeline.syncOperations.addHandler(PipeCarrierHandler(pipe: pipe))
        } catch {
            pipe.finish()
            throw error
        }
        pipe.pipeline.syncOperations.fireChannelRegistered()
        if carrier.isActive { pipe.pipeline.syncOperations.fireChannelActive() }
        pipe.readIfWanted()
        return pipe
    }

    private init(carrier: any Channel) {
        self.carrier = carrier
        closePromise = carrier.eventLoop.makePromise(of: Void.self)
        lazyPipeline = ChannelPipeline(channel: self)
    }

    // MARK: Channel

    var allocator: ByteBufferAllocator { carrier.allocator }
    var closeFuture: EventLoopFuture<Void> { closePromise.futureResult }
    var pipeline: ChannelPipeline {
        guard let lazyPipeline else { preconditionFailure("a channel has its pipeline from the start") }
        return lazyPipeline
    }
    var localAddress: SocketAddress? { carrier.localAddress ?? carrier.parent?.localAddress }
    var remoteAddress: SocketAddress? { carrier.remoteAddress ?? carrier.parent?.remoteAddress }
    var parent: (any Channel)? { carrier }
    var isWritable: Bool { carrier.isWritable }
    var isActive: Bool { carrier.isActive }
    var eventLoop: any EventLoop { carrier.eventLoop }
    var _channelCore: any ChannelCore { self }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        return eventLoop.submit { try self.set(option, value) }
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        eventLoop.submit { try self.get(option) }
    }

    var syncOptions: (any NIOSynchronousChannelOptions)? { Options(pipe: self) }

    private struct Options: NIOSynchronousChannelOptions {
        let pipe: PipeChannel
        func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
            try pipe.set(option, value)
        }
        func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value { try pipe.get(option) }
    }

    private func set<Option: ChannelOption>(_ option: Option, _ value: Option.Value) throws {
        eventLoop.preconditionInEventLoop()
        guard let value = value as? Bool else { throw ChannelError.operationUnsupported }
        switch option {
        case is ChannelOptions.Types.AutoReadOption:
            let wasOff = !autoRead
            autoRead = value
            if wasOff { readIfWanted() }
        case is ChannelOptions.Types.AllowRemoteHalfClosureOption: allowRemoteHalfClosure = value
        default: throw ChannelError.operationUnsupported
        }
    }

    private func get<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
        eventLoop.preconditionInEventLoop()
        let value: Bool? =
            switch option {
            case is ChannelOptions.Types.AutoReadOption: autoRead
            case is ChannelOptions.Types.AllowRemoteHalfClosureOption: allowRemoteHalfClosure
            default: nil
            }
        guard let value = value as? Option.Value else { throw ChannelError.operationUnsupported }
        return value
    }

    // MARK: ChannelCore, called by the pipeline's head

    func localAddress0() throws -> SocketAddress {
        guard let localAddress else { throw ChannelError.unknownLocalAddress }
        return localAddress
    }

    func remoteAddress0() throws -> SocketAddress {
        guard let remoteAddress else { throw ChannelError.operationUnsupported }
        return remoteAddress
    }

    func register0(promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
    func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }
    func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }
    func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }
    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isFinished else { return promise?.fail(ChannelError.ioOnClosedChannel) ?? () }
        carrier.pipeline.syncOperations.write(NIOAny(unwrapData(data, as: ByteBuffer.self)), promise: promise)
    }

    func flush0() {
        if !isFinished { carrier.pipeline.syncOperations.flush() }
    }

    func read0() {
        if !isFinished { carrier.pipeline.syncOperations.read() }
    }

    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard !isFinished else { return promise?.fail(ChannelError.alreadyClosed) ?? () }
        guard mode != .input else { return promise?.fail(ChannelError.operationUnsupported) ?? () }
        carrier.close(mode: mode, promise: promise)
    }

    func channelRead0(_ data: NIOAny) {}  // nobody wanted it

    func errorCaught0(error: any Error) {}  // handlers have had their turn

    // MARK: From the carrier

    fileprivate func received(_ data: NIOAny) { pipeline.syncOperations.fireChannelRead(data) }

    fileprivate func receivedAll() {
        pipeline.syncOperations.fireChannelReadComplete()
        readIfWanted()
    }

    private func readIfWanted() {
        if autoRead, !isFinished { pipeline.syncOperations.read() }
    }

    fileprivate func inputClosed() {
        pipeline.syncOperations.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        if !allowRemoteHalfClosure { close(promise: nil) }
    }

    /// The carrier is gone: the pipe ends, its handlers leave.
    fileprivate func finish() {
        guard !isFinished else { return }
        isFinished = true
        pipeline.syncOperations.fireChannelInactive()
        pipeline.syncOperations.fireChannelUnregistered()
        eventLoop.execute {
            self.removeHandlers(pipeline: self.pipeline)
            self.closePromise.succeed(())
        }
    }
}

/// The last handler of the carrier's pipeline.
private final class PipeCarrierHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let pipe: PipeChannel

    init(pipe: PipeChannel) { self.pipe = pipe }

    func channelActive(context: ChannelHandlerContext) {
        pipe.pipeline.syncOperations.fireChannelActive()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { pipe.received(data) }
    func channelReadComplete(context: ChannelHandlerContext) { pipe.receivedAll() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        pipe.pipeline.syncOperations.fireChannelWritabilityChanged()
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { pipe.inputClosed() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { pipe.pipeline.fireErrorCaught(error) }

    func channelInactive(context: ChannelHandlerContext) {
        pipe.finish()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { pipe.finish() }
}
