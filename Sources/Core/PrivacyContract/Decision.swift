/// What was decided where the policies are silent, unclear or contradict themselves (FLOWS.md section 6).
package enum DecisionID: String, Hashable, Sendable, CaseIterable {
    case q1 = "Q1"
    case q3 = "Q3"
    case q4 = "Q4"
    case q5 = "Q5"
    case q6 = "Q6"
    case q8 = "Q8"
    case q9 = "Q9"
    case q10 = "Q10"
    case q11 = "Q11"
    case q12 = "Q12"
    case q13 = "Q13"
    case q14 = "Q14"
    case q16 = "Q16"
    case q17 = "Q17"
    case q18 = "Q18"
    case q19 = "Q19"
    case q20 = "Q20"
    case q21 = "Q21"

    /// The decision in a sentence.
    package var text: String {
        switch self {
        case .q1: "the code is checked on arrival and on entry, by named criteria, with five wrong entries at most"
        case .q3: "the appliance dials the relay and keeps one session; no port of it is open to the outside"
        case .q4: "the pairing user may do the least, over the Control Center's channel alone, and is shown"
        case .q5: "off stops monitoring, call data and remote access; remote backup is a function of its own"
        case .q6: "deletion at the appliance never waits for the network"
        case .q8: "monitoring values are bound to the appliance's identity on the way that it sends them"
        case .q9: "backup bytes travel appliance to backup server and Control Center to backup server, nowhere else"
        case .q10: "deleting the password shreds what it encrypted; deleting a backup is final"
        case .q11: "a manifest names what a backup holds; call history is not part of it unless chosen"
        case .q12: "two log classes have two clocks, and are anonymised when written"
        case .q13: "anonymised means /24 or /48, time to the hour, no key of a device"
        case .q14: "location and diagnostics are two stores; strict mode drops caller and callee"
        case .q16: "the wake-up of an iOS device passes both services, as written"
        case .q17: "mobile clients are provisioned through the relay always, desktop ones when off the LAN"
        case .q18: "strict mode blocks the crash server"
        case .q19: "what no clause describes is denied, or is an assumption that is marked as one"
        case .q20: "in F-S6 call data are signalling and media, in F-C6 call records"
        case .q21: "the location record ends with the session"
        }
    }
}
