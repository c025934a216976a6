/// A header field name. Equality ignores case; `description` is the spelling that goes on the wire.
///
/// Names in the list of constants are numbers, compared and made without looking at text; they go out in the spelling of
/// their RFC. Others keep theirs.
package struct SIPHeaderName: Sendable {
    @usableFromInline let known: Known
    /// The spelling of an unknown name; empty for a known one.
    @usableFromInline let other: String

    @inlinable init(_ known: Known) {
        self.known = known
        other = ""
    }

    package init(_ spelling: String) {
        self = Array(spelling.utf8).withView(SIPHeaderName.init(view:))
    }

    /// Compact forms are not expanded here: a name of one letter is one (see `expanded(compact:)`).
    init(view bytes: ByteView) {
        known = NameIndex.shared.find(bytes)
        other = known == .unlisted ? bytes.text : ""
    }

    /// The length of `description`.
    var byteCount: Int { known == .unlisted ? other.utf8.count : known.spelling.utf8CodeUnitCount }

    /// The wire form of a known name, nil for others.
    var knownSpelling: StaticString? { known == .unlisted ? nil : known.spelling }
}

extension SIPHeaderName: Hashable, CustomStringConvertible {
    package var description: String { known == .unlisted ? other : known.spelling.description }

    @inlinable package static func == (left: Self, right: Self) -> Bool {
        left.known == right.known && (left.known != .unlisted || left.hasSameSpelling(as: right))
    }

    @usableFromInline func hasSameSpelling(as name: Self) -> Bool { ByteText.isEqual(other, name.other) }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(known)
        for byte in other.utf8 { hasher.combine(ByteText.folded(byte)) }
    }
}

extension SIPHeaderName {
    /// In the order of their spelling.
    @usableFromInline enum Known: UInt8, CaseIterable, Sendable {
        case unlisted
        case
            accept, acceptContact, acceptEncoding, acceptLanguage, alertInfo, allow, allowEvents,
            authenticationInfo, authorization, callID, callInfo, contact, contentDisposition, contentEncoding,
            contentID, contentLanguage, contentLength, contentType, cseq, date, diversion, errorInfo, event,
            expires, flowTimer, from, historyInfo, identity, identityInfo, inReplyTo, infoPackage, join,
            maxForwards, mimeVersion, minExpires, minSE, organization, assertedIdentity, preferredIdentity,
            path, priority, privacy, proxyAuthenticate, proxyAuthorization, proxyRequire, rack, reason,
            recordRoute, recvInfo, referSub, referTo, referredBy, rejectContact, replaces, replyTo,
            requestDisposition, require, retryAfter, route, rseq, server, serviceRoute, sessionExpires,
            entityTag, ifMatch, subject, subscriptionState, supported, targetDialog, timestamp, to, unsupported,
            userAgent, userToUser, via, warning, wwwAuthenticate

        /// As in the RFC that defines the header; empty for `unlisted`.
        var spelling: StaticString {
            switch self {
            case .unlisted: ""
            case .accept: "Accept"
            case .acceptContact: "Accept-Contact"
            case .acceptEncoding: "Accept-Encoding"
            case .acceptLanguage: "Accept-Language"
            case .alertInfo: "Alert-Info"
            case .allow: "Allow"
            case .allowEvents: "Allow-Events"
            case .authenticationInfo: "Authentication-Info"
            case .authorization: "Authorization"
            case .callID: "Call-ID"
            case .callInfo: "Call-Info"
            case .contact: "Contact"
            case .contentDisposition: "Content-Disposition"
            case .contentEncoding: "Content-Encoding"
            case .contentID: "Content-ID"
            case .contentLanguage: "Content-Language"
            case .contentLength: "Content-Length"
            case .contentType: "Content-Type"
            case .cseq: "CSeq"
            case .date: "Date"
            case .diversion: "Diversion"
            case .errorInfo: "Error-Info"
            case .event: "Event"
            case .expires: "Expires"
            case .flowTimer: "Flow-Timer"
            case .from: "From"
            case .historyInfo: "History-Info"
            case .identity: "Identity"
            case .identityInfo: "Identity-Info"
            case .inReplyTo: "In-Reply-To"
            case .infoPackage: "Info-Package"
            case .join: "Join"
            case .maxForwards: "Max-Forwards"
            case .mimeVersion: "MIME-Version"
            case .minExpires: "Min-Expires"
            case .minSE: "Min-SE"
            case .organization: "Organization"
            case .assertedIdentity: "P-Asserted-Identity"
            case .preferredIdentity: "P-Preferred-Identity"
            case .path: "Path"
            case .priority: "Priority"
            case .privacy: "Privacy"
            case .proxyAuthenticate: "Proxy-Authenticate"
            case .proxyAuthorization: "Proxy-Authorization"
            case .proxyRequire: "Proxy-Require"
            case .rack: "RAck"
            case .reason: "Reason"
            case .recordRoute: "Record-Route"
            case .recvInfo: "Recv-Info"
            case .referSub: "Refer-Sub"
            case .referTo: "Refer-To"
            case .referredBy: "Referred-By"
            case .rejectContact: "Reject-Contact"
            case .replaces: "Replaces"
            case .replyTo: "Reply-To"
            case .requestDisposition: "Request-Disposition"
            case .require: "Require"
            case .retryAfter: "Retry-After"
            case .route: "Route"
            case .rseq: "RSeq"
            case .server: "Server"
            case .serviceRoute: "Service-Route"
            case .sessionExpires: "Session-Expires"
            case .entityTag: "SIP-ETag"
            case .ifMatch: "SIP-If-Match"
            case .subject: "Subject"
            case .subscriptionState: "Subscription-State"
            case .supported: "Supported"
            case .targetDialog: "Target-Dialog"
            case .timestamp: "Timestamp"
            case .to: "To"
            case .unsupported: "Unsupported"
            case .userAgent: "User-Agent"
            case .userToUser: "User-to-User"
            case .via: "Via"
            case .warning: "Warning"
            case .wwwAuthenticate: "WWW-Authenticate"
            }
        }
    }

    @inlinable package static var accept: SIPHeaderName { SIPHeaderName(.accept) }
    @inlinable package static var acceptContact: SIPHeaderName { SIPHeaderName(.acceptContact) }
    @inlinable package static var acceptEncoding: SIPHeaderName { SIPHeaderName(.acceptEncoding) }
    @inlinable package static var acceptLanguage: SIPHeaderName { SIPHeaderName(.acceptLanguage) }
    @inlinable package static var alertInfo: SIPHeaderName { SIPHeaderName(.alertInfo) }
    @inlinable package static var allow: SIPHeaderName { SIPHeaderName(.allow) }
    @inlinable package static var allowEvents: SIPHeaderName { SIPHeaderName(.allowEvents) }
    @inlinable package static var authenticationInfo: SIPHeaderName { SIPHeaderName(.authenticationInfo) }
    @inlinable package static var authorization: SIPHeaderName { SIPHeaderName(.authorization) }
    @inlinable package static var callID: SIPHeaderName { SIPHeaderName(.callID) }
    @inlinable package static var callInfo: SIPHeaderName { SIPHeaderName(.callInfo) }
    @inlinable package static var contact: SIPHeaderName { SIPHeaderName(.contact) }
    @inlinable package static var contentDisposition: SIPHeaderName { SIPHeaderName(.contentDisposition) }
    @inlinable package static var contentEncoding: SIPHeaderName { SIPHeaderName(.contentEncoding) }
    @inlinable package static var contentID: SIPHeaderName { SIPHeaderName(.contentID) }
    @inlinable package static var contentLanguage: SIPHeaderName { SIPHeaderName(.contentLanguage) }
    @inlinable package static var contentLength: SIPHeaderName { SIPHeaderName(.contentLength) }
    @inlinable package static var contentType: SIPHeaderName { SIPHeaderName(.contentType) }
    @inlinable package static var cseq: SIPHeaderName { SIPHeaderName(.cseq) }
    @inlinable package static var date: SIPHeaderName { SIPHeaderName(.date) }
    @inlinable package static var diversion: SIPHeaderName { SIPHeaderName(.diversion) }
    @inlinable package static var errorInfo: SIPHeaderName { SIPHeaderName(.errorInfo) }
    @inlinable package static var event: SIPHeaderName { SIPHeaderName(.event) }
    @inlinable package static var expires: SIPHeaderName { SIPHeaderName(.expires) }
    @inlinable package static var flowTimer: SIPHeaderName { SIPHeaderName(.flowTimer) }
    @inlinable package static var from: SIPHeaderName { SIPHeaderName(.from) }
    @inlinable package static var historyInfo: SIPHeaderName { SIPHeaderName(.historyInfo) }
    @inlinable package static var identity: SIPHeaderName { SIPHeaderName(.identity) }
    @inlinable package static var identityInfo: SIPHeaderName { SIPHeaderName(.identityInfo) }
    @inlinable package static var inReplyTo: SIPHeaderName { SIPHeaderName(.inReplyTo) }
    @inlinable package static var infoPackage: SIPHeaderName { SIPHeaderName(.infoPackage) }
    @inlinable package static var join: SIPHeaderName { SIPHeaderName(.join) }
    @inlinable package static var maxForwards: SIPHeaderName { SIPHeaderName(.maxForwards) }
    @inlinable package static var mimeVersion: SIPHeaderName { SIPHeaderName(.mimeVersion) }
    @inlinable package static var minExpires: SIPHeaderName { SIPHeaderName(.minExpires) }
    @inlinable package static var minSE: SIPHeaderName { SIPHeaderName(.minSE) }
    @inlinable package static var organization: SIPHeaderName { SIPHeaderName(.organization) }
    @inlinable package static var assertedIdentity: SIPHeaderName { SIPHeaderName(.assertedIdentity) }
    @inlinable package static var preferredIdentity: SIPHeaderName { SIPHeaderName(.preferredIdentity) }
    @inlinable package static var path: SIPHeaderName { SIPHeaderName(.path) }
    @inlinable package static var priority: SIPHeaderName { SIPHeaderName(.priority) }
    @inlinable package static var privacy: SIPHeaderName { SIPHeaderName(.privacy) }
    @inlinable package static var proxyAuthenticate: SIPHeaderName { SIPHeaderName(.proxyAuthenticate) }
    @inlinable package static var proxyAuthorization: SIPHeaderName { SIPHeaderName(.proxyAuthorization) }
    @inlinable package static var proxyRequire: SIPHeaderName { SIPHeaderName(.proxyRequire) }
    @inlinable package static var rack: SIPHeaderName { SIPHeaderName(.rack) }
    @inlinable package static var reason: SIPHeaderName { SIPHeaderName(.reason) }
    @inlinable package static var recordRoute: SIPHeaderName { SIPHeaderName(.recordRoute) }
    @inlinable package static var recvInfo: SIPHeaderName { SIPHeaderName(.recvInfo) }
    @inlinable package static var referSub: SIPHeaderName { SIPHeaderName(.referSub) }
    @inlinable package static var referTo: SIPHeaderName { SIPHeaderName(.referTo) }
    @inlinable package static var referredBy: SIPHeaderName { SIPHeaderName(.referredBy) }
    @inlinable package static var rejectContact: SIPHeaderName { SIPHeaderName(.rejectContact) }
    @inlinable package static var replaces: SIPHeaderName { SIPHeaderName(.replaces) }
    @inlinable package static var replyTo: SIPHeaderName { SIPHeaderName(.replyTo) }
    @inlinable package static var requestDisposition: SIPHeaderName { SIPHeaderName(.requestDisposition) }
    @inlinable package static var require: SIPHeaderName { SIPHeaderName(.require) }
    @inlinable package static var retryAfter: SIPHeaderName { SIPHeaderName(.retryAfter) }
    @inlinable package static var route: SIPHeaderName { SIPHeaderName(.route) }
    @inlinable package static var rseq: SIPHeaderName { SIPHeaderName(.rseq) }
    @inlinable package static var server: SIPHeaderName { SIPHeaderName(.server) }
    @inlinable package static var serviceRoute: SIPHeaderName { SIPHeaderName(.serviceRoute) }
    @inlinable package static var sessionExpires: SIPHeaderName { SIPHeaderName(.sessionExpires) }
    @inlinable package static var entityTag: SIPHeaderName { SIPHeaderName(.entityTag) }
    @inlinable package static var ifMatch: SIPHeaderName { SIPHeaderName(.ifMatch) }
    @inlinable package static var subject: SIPHeaderName { SIPHeaderName(.subject) }
    @inlinable package static var subscriptionState: SIPHeaderName { SIPHeaderName(.subscriptionState) }
    @inlinable package static var supported: SIPHeaderName { SIPHeaderName(.supported) }
    @inlinable package static var targetDialog: SIPHeaderName { SIPHeaderName(.targetDialog) }
    @inlinable package static var timestamp: SIPHeaderName { SIPHeaderName(.timestamp) }
    @inlinable package static var to: SIPHeaderName { SIPHeaderName(.to) }
    @inlinable package static var unsupported: SIPHeaderName { SIPHeaderName(.unsupported) }
    @inlinable package static var userAgent: SIPHeaderName { SIPHeaderName(.userAgent) }
    @inlinable package static var userToUser: SIPHeaderName { SIPHeaderName(.userToUser) }
    @inlinable package static var via: SIPHeaderName { SIPHeaderName(.via) }
    @inlinable package static var warning: SIPHeaderName { SIPHeaderName(.warning) }
    @inlinable package static var wwwAuthenticate: SIPHeaderName { SIPHeaderName(.wwwAuthenticate) }
}

/// Finds known names: their folded spellings one after the other, the shortest first.
private struct NameIndex: Sendable {
    static let shared = NameIndex()

    private var rows: [UInt8] = []
    private var names: [SIPHeaderName.Known] = []
    /// By length: where its spellings begin in `rows`, and its names in `names`.
    private var starts: [(row: Int, name: Int)] = []

    private init() {
        let known = SIPHeaderName.Known.allCases.dropFirst()
        for length in 0...(known.map(\.spelling.utf8CodeUnitCount).max() ?? 0) {
            starts.append((rows.count, names.count))
            for name in known where name.spelling.utf8CodeUnitCount == length {
                name.spelling.withUTF8Buffer { rows += $0.map(ByteText.folded) }
                names.append(name)
            }
        }
        starts.append((rows.count, names.count))
    }

    func find(_ bytes: ByteView) -> SIPHeaderName.Known {
        let length = bytes.count
        guard length + 1 < starts.count else { return .unlisted }
        var row = starts[length].row
        let first = bytes.startIndex
        return rows.withUnsafeBufferPointer { rows in
            for name in starts[length].name..<starts[length + 1].name {
                var index = 0
                while index < length, ByteText.folded(bytes[first + index]) == rows[row + index] { index += 1 }
                if index == length { return names[name] }
                row += length
            }
            return .unlisted
        }
    }
}

extension SIPHeaderName {
    /// The header that a compact letter stands for (IANA "SIP Header Fields" registry); nil for other letters.
    static func expanded(compact letter: UInt8) -> SIPHeaderName? {
        switch letter | 0x20 {
        case UInt8(ascii: "a"): .acceptContact
        case UInt8(ascii: "b"): .referredBy
        case UInt8(ascii: "c"): .contentType
        case UInt8(ascii: "d"): .requestDisposition
        case UInt8(ascii: "e"): .contentEncoding
        case UInt8(ascii: "f"): .from
        case UInt8(ascii: "i"): .callID
        case UInt8(ascii: "j"): .rejectContact
        case UInt8(ascii: "k"): .supported
        case UInt8(ascii: "l"): .contentLength
        case UInt8(ascii: "m"): .contact
        case UInt8(ascii: "n"): .identityInfo
        case UInt8(ascii: "o"): .event
        case UInt8(ascii: "r"): .referTo
        case UInt8(ascii: "s"): .subject
        case UInt8(ascii: "t"): .to
        case UInt8(ascii: "u"): .allowEvents
        case UInt8(ascii: "v"): .via
        case UInt8(ascii: "x"): .sessionExpires
        case UInt8(ascii: "y"): .identity
        default: nil
        }
    }
}
