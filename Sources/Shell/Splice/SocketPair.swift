import Glibc
package import NIOCore
import NIOPosix

/// Two connected local sockets between a channel that is not a socket and a pipeline that needs one.
///
/// An HTTP/2 stream channel traps when a handler asks it for an option that it does not know, as TLS does for half
/// closure when the peer says goodbye. So TLS on a stream runs on a socket of its own, spliced to the stream.
package enum SocketPair {
    /// The end that is spliced to the outer channel; nothing flows before `start`.
    package struct Near {
        package let channel: any Channel
        private let splice: SpliceHandler

        fileprivate init(channel: any Channel, splice: SpliceHandler) {
            self.channel = channel
            self.splice = splice
        }

        /// On the event loop.
        package func start() { splice.start() }
    }

    package struct SocketPairError: Error, CustomStringConvertible {
        let code: Int32
        package var description: String { "no local socket pair (errno \(code))" }
    }

    /// Opens both ends on `eventLoop` and completes there: `install` builds the far end's pipeline, the near end copies
    /// what it reads to `outer`.
    package static func open(
        on eventLoop: any EventLoop, splicedTo outer: any Channel,
        install: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<Near> {
        var descriptors: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &descriptors) == 0
        else {
            return eventLoop.makeFailedFuture(SocketPairError(code: errno))
        }
        let near = ClientBootstrap(group: eventLoop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(SpliceHandler(to: outer, isStarted: false))
                }
            }
            .withConnectedSocket(descriptors[0])
        let far = ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try install(channel) }
            }
            .withConnectedSocket(descriptors[1])
        return far.and(near).flatMapThrowing { far, near in
            do {
                let splice = try near.pipeline.syncOperations.handler(type: SpliceHandler.self)
                return Near(channel: near, splice: splice)
            } catch {
                far.close(promise: nil)
                throw error
            }
        }
    }
}
