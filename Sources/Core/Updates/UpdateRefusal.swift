package import Primitives

/// Why there is no update, or not now.
package enum UpdateRefusal: Error, Sendable, Hashable {
    case switchedOff
    case noServer
    /// Another request is being worked on.
    case busy(String)
    case forged(String)
    case otherBoard(found: String, own: String)
    case malformed(String)
    case older(found: String, running: String)
    case replayed(issuedAt: UnixTime, known: UnixTime)
    case expired(at: UnixTime)
    /// Issued after now: one of the two clocks is wrong.
    case fromTheFuture(issuedAt: UnixTime)
    case tooLarge(bytes: Int64, limit: Int64)
    case nothingToInstall
    /// The roll-out has not come to this installation.
    case heldBack(version: String, percent: Int)
    case server(String)
    case bundle(String)
    case installer(String)

    /// As HTTP would say it.
    package var status: Int {
        switch self {
        case .switchedOff, .busy, .heldBack: 409
        case .noServer, .nothingToInstall: 404
        case .forged, .otherBoard, .malformed, .older, .replayed, .expired, .fromTheFuture, .tooLarge, .bundle: 422
        case .server: 502
        case .installer: 507
        }
    }
}

extension UpdateRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .switchedOff: "looking for updates is off; 'pbxctl switch updates on' allows it"
        case .noServer: "no update server is configured; set cloud.update"
        case .busy(let what): "\(what) already; see 'pbxctl update status'"
        case .forged(let reason): "the manifest is not the vendor's and was not believed: \(reason)"
        case .otherBoard(let found, let own):
            "the manifest is for board '\(found)', this is '\(own)'; nothing was changed"
        case .malformed(let what): "the manifest is not usable: \(what)"
        case .older(let found, let running):
            "version \(found) is older than \(running), which runs; firmware never goes back by an update"
        case .replayed(let issuedAt, let known):
            "the manifest of \(issuedAt.rfc3339) was replaced by one of \(known.rfc3339): somebody repeats an old one"
        case .expired(let time): "the manifest expired at \(time.rfc3339); ask again, or look at the appliance's clock"
        case .fromTheFuture(let time):
            "the manifest was issued at \(time.rfc3339), which has not come; look at the appliance's clock"
        case .tooLarge(let bytes, let limit): "the bundle has \(bytes) bytes, limit \(limit)"
        case .nothingToInstall: "no newer version is known; run 'pbxctl update check' first"
        case .heldBack(let version, let percent):
            "version \(version) has been released to \(percent) of 100 installations and not to this one yet; try again later"
        case .server(let reason): "the update server did not help: \(reason); try again later"
        case .bundle(let reason): "the bundle is not the one of the manifest and was thrown away: \(reason)"
        case .installer(let reason): "the bundle could not be handed to the installer: \(reason)"
        }
    }
}
