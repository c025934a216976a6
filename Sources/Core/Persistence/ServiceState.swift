package import Primitives

/// What the flows to the vendor's servers remember beside pairing and backups. No part of a backup.
package struct ServiceState: Sendable, Equatable {
    /// Random; names this installation to the update server (F-S2) and to nobody else. Made before it is first sent.
    package var installationID: String?
    /// Updates are looked for once a day while the switch is on.
    package var looksForUpdates = true
    /// When the newest manifest that was believed was issued: an earlier one is a replay.
    package var manifestIssuedAt: UnixTime?
    /// When remote access ends by itself (F-C10); nil: it is off.
    package var remoteAccessEnd: UnixTime?
    package init() {}
}
