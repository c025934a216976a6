package import NIOCore

/// Copies what one channel reads to another, one batch at a time: the next read is asked for when the batch has been
/// taken, so that a slow receiver holds the sender back and at most one batch is in memory. What has been forwarded, or
/// cannot be any more, is overwritten with zeros before its memory is given back (R3).
///
/// The channel must have `autoRead` off. Nothing is forwarded before `start`; what arrives earlier (within one read) waits.
package final class SpliceHandler: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer

    private let partner: any Channel
    private var isStarted: Bool
    /// As they were read: joining them would leave copies behind.
    private var batch: [ByteBuffer] = []
    private var inFlight: [ByteBuffer] = []
    private var isWriting = false
    /// Our peer has sent its last byte; the partner's output is closed after the batch.
    private var inputClosed = false
    private var isGone = false
    private var hasClosedPartner = false
    private var context: ChannelHandlerContext?
    private var loop: (any EventLoop)?

    /// `held`: bytes that were read before this handler was there and are to be forwarded first.
    package init(to partner: any Channel, isStarted: Bool, held: ByteBuffer = ByteBuffer()) {
        self.partner = partner
        self.isStarted = isStarted
        if held.readableBytes > 0 { batch = [held] }
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop = context.eventLoop
        if isStarted { forward() }
    }

    package func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Lets a splice that was added early go. Call it on the channel's event loop.
    package func start() {
        isStarted = true
        forward()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        batch.append(unwrapInboundIn(data))
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        forward()
        context.fireChannelReadComplete()
    }

    private func forward() {
        guard isStarted, !isWriting, let loop else { return }
        guard let last = batch.last else { return idle() }
        isWriting = true
        inFlight = batch
        batch = []
        let bound = NIOLoopBound(self, eventLoop: loop)
        for buffer in inFlight.dropLast() { partner.write(buffer, promise: nil) }
        partner.writeAndFlush(last).hop(to: loop).whenComplete { result in
            bound.value.wrote(result)
        }
    }

    private func wrote(_ result: Result<Void, any Error>) {
        isWriting = false
        Self.wipe(&inFlight)
        switch result {
        case .success: forward()
        case .failure:
            isGone = true
            Self.wipe(&batch)
            closePartner(.all)
            context?.close(promise: nil)
        }
    }

    /// Zeros in place of exactly our bytes. Writing through the buffer would copy it first: the channel's pool still holds
    /// the same memory for its next read. Nobody reads these bytes any more: they have been written, or never will be.
    private static func wipe(_ buffers: inout [ByteBuffer]) {
        for buffer in buffers {
            buffer.withUnsafeReadableBytes { bytes in
                let memory = UnsafeMutableRawBufferPointer(mutating: bytes)
                for index in memory.indices { memory[index] = 0 }
            }
        }
        buffers = []
    }

    /// All that was read has been taken.
    private func idle() {
        if isGone { return closePartner(.all) }
        if inputClosed { return closePartner(.output) }
        context?.read()
    }

    private func closePartner(_ mode: CloseMode) {
        if mode == .output {
            guard !hasClosedPartner else { return }
            hasClosedPartner = true
        }
        partner.close(mode: mode, promise: nil)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            inputClosed = true
            forward()
        }
        context.fireUserInboundEventTriggered(event)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        isGone = true
        if !isStarted { closePartner(.all) } else if !isWriting { forward() }
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
