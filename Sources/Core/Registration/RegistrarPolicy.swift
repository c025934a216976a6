package import SIPMessage

/// What the owner or the edition lets the registrar do. Values; a change touches no binding that stands.
package struct RegistrarPolicy: Sendable, Equatable {
    /// What to do when a proxy added Path and the phone does not say that it knows Path (RFC 3327 section 5.3).
    package enum PathSupport: Sendable, Hashable {
        /// The Path is used, and not returned: most telephones behind an edge proxy know nothing of it.
        case lenient
        /// 420 with `Unsupported: path`.
        case strict
    }

    /// Devices of one user, by instance or the Contact's host; nil: only `Limits.bindingsPerUser` holds. One more is
    /// refused with 403, what is registered stays.
    package var devicesPerUser: Int?
    /// Users registered at a time; nil: as many as there are. One more is refused with 503, what is registered stays.
    package var registeredUsers: Int?
    /// Devices of all users registered at a time; nil: as many as there are. One more is refused with 503, likewise.
    package var registeredDevices: Int?
    package var pathSupport = PathSupport.lenient
    /// Returned in every 200 (RFC 3608); none by default.
    package var serviceRoutes: [NameAddress] = []
    /// Flow-Timer in the answer to outbound registrations over streams, seconds (RFC 5626 section 5.4): whoever is
    /// silent for longer may lose the connection. Over UDP nothing is said and the phone takes its 24 to 29 seconds.
    package var flowTimerSeconds: Int? = 120

    package init() {}
}
