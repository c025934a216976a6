/// The timer values of RFC 3261 section 17 (table 4), injected so that a test or a slow network can change them.
package struct TimerValues: Sendable, Equatable {
    /// Round-trip estimate, first retransmission interval (RFC 3261 section 17.1.1.1).
    package var t1 = Duration.milliseconds(500)
    /// Longest retransmission interval of non-INVITE requests and INVITE responses (17.1.2.1).
    package var t2 = Duration.seconds(4)
    /// Longest time a message stays in the network (17.1.2.2): timers I and K over unreliable transports.
    package var t4 = Duration.seconds(5)
    /// How long an INVITE client transaction absorbs repeated final responses over unreliable transports (17.1.1.2).
    package var timerD = Duration.seconds(32)
    /// How long the transaction user may stay silent on an INVITE before 100 Trying goes out (17.2.1).
    package var tryingDelay = Duration.milliseconds(200)

    package init() {}

    /// 64 * T1: timers B, F, H, J, L and M.
    package var timeout: Duration { t1 * 64 }
}
