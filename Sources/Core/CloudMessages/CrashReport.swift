package import Primitives

/// What is left of a crash (F-S10, X16): nine facts about the program and the machine, none about what it was doing.
///
/// There is no stack, no memory, no log and no serial number in it, because there is no place for one. Values are cut down to
/// `fieldBytes` harmless characters; the day of the crash has no time.
package struct CrashReport: Sendable, Hashable {
    /// Names the report on this appliance; never sent.
    package var id: String
    package var make: String
    package var model: String
    /// Of the board.
    package var codename: String
    package var osVersion: String
    package var language: String
    package var appVersion: String
    package var appName: String
    package var startTime: UnixTime
    /// Any moment of the day on which it crashed.
    package var crashDay: UnixTime

    package init(
        id: String, make: String, model: String, codename: String, osVersion: String, language: String,
        appVersion: String, appName: String, startTime: UnixTime, crashDay: UnixTime
    ) {
        self.id = id
        self.make = make
        self.model = model
        self.codename = codename
        self.osVersion = osVersion
        self.language = language
        self.appVersion = appVersion
        self.appName = appName
        self.startTime = startTime
        self.crashDay = crashDay
    }

    /// The names of what is sent, in the order of `values`.
    package static let wireNames = [
        "make", "model", "codename", "osVersion", "language", "appVersion", "appName", "startTime", "crashDate",
    ]

    /// What is sent, and shown to the owner before.
    package var values: [String] {
        let texts = [make, model, codename, osVersion, language, appVersion, appName].map(Self.scrubbed)
        return texts + [startTime.rfc3339, crashDate]
    }

    /// `2026-01-02`.
    package var crashDate: String { String(crashDay.rfc3339.prefix(10)) }

    /// Longer values are cut.
    package static let fieldBytes = 64

    /// Printable ASCII, without what separates: a version or a name survives, an address of a file or a line of text does not.
    package static func scrubbed(_ text: String) -> String {
        let kept = text.unicodeScalars.filter { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", ".", "-", "_", " ", "+": true
            default: false
            }
        }
        return String(String.UnicodeScalarView(kept.prefix(fieldBytes)))
    }
}
