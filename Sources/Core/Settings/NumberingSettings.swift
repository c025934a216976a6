/// How telephone numbers are dialled where the appliance stands (ITU-T E.164 and the country's numbering plan).
package struct NumberingSettings: Sendable, Hashable {
    /// 1 to 3 digits; nil: not known, and only international numbers can be told apart.
    package var countryCode: String?
    /// Dialled before a country code: `00`, in North America `011`.
    package var internationalPrefix = "00"
    /// Dialled before an area code and not part of the number: `0`, in North America `1`. Empty where there is none.
    package var nationalPrefix = "0"
    /// Without the national prefix; nil where every call within the country is dialled with the whole number.
    package var areaCode: String?
    /// How many digits a whole national number has, where all have the same: 10 in North America.
    package var nationalDigits: Int?
    /// Dialled on an extension to get an outside line; nil: every number that is no extension leads outside.
    package var outsidePrefix: String?

    package init() {}

    /// With the prefixes that are usual in that country.
    package init(countryCode: String) {
        self.countryCode = countryCode
        switch countryCode {
        case "1":
            (internationalPrefix, nationalPrefix, nationalDigits) = ("011", "1", 10)
        case "7":
            (internationalPrefix, nationalPrefix) = ("810", "8")
        case "36":
            nationalPrefix = "06"
        case _ where Self.countriesWithoutNationalPrefix.contains(countryCode):
            nationalPrefix = ""
        default: break
        }
    }

    private static let countriesWithoutNationalPrefix: Set<String> = [
        "30", "34", "39", "45", "47", "48", "351", "352", "371", "372", "377", "378", "420",
    ]

    /// The numbers for help of that country, for configurations that name none.
    package var usualEmergencyNumbers: [String] {
        switch countryCode {
        case "1": ["911"]
        case "33": ["112", "15", "17", "18"]
        case "39": ["112", "113", "115", "118"]
        case "41": ["112", "117", "118", "144"]
        case "43": ["112", "122", "133", "144"]
        case "44", "353": ["112", "999"]
        case "49": ["110", "112"]
        case "61": ["000", "112"]
        default: ["112"]
        }
    }
}

/// Which trunks carry which calls.
package struct OutgoingSettings: Sendable, Equatable {
    /// Dialled with or without the outside-line prefix; they go out by any trunk that works.
    package var emergencyNumbers: [String] = []
    /// The rule with the longest fitting prefix counts. A number that none fits leads nowhere.
    package var rules: [OutgoingRule] = []
    package init() {}
}

/// The trunks for the numbers that begin alike.
package struct OutgoingRule: Sendable, Hashable {
    /// The beginning of the number in its E.164 form: `+4930`, `+49`, `+` for all of them. Digits without `+` are the
    /// beginning of a short number (`115`).
    package var prefix: String
    /// Names of trunks in the order to be tried; none: such calls are barred.
    package var trunks: [String]

    package init(prefix: String, trunks: [String]) {
        self.prefix = prefix
        self.trunks = trunks
    }
}
