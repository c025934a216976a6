import Numbering
import SIPMessage
import Settings
import Testing

struct NumberingPlanTests {
    /// Berlin, outside line with 0.
    static var germany: NumberingPlan {
        var settings = NumberingSettings(countryCode: "49")
        settings.areaCode = "30"
        settings.outsidePrefix = "0"
        return NumberingPlan(settings, emergencyNumbers: ["110", "112"])
    }
    /// New York, no outside prefix.
    static var america: NumberingPlan {
        var settings = NumberingSettings(countryCode: "1")
        settings.areaCode = "212"
        return NumberingPlan(settings, emergencyNumbers: ["911"])
    }
    static var italy: NumberingPlan {
        var settings = NumberingSettings(countryCode: "39")
        settings.outsidePrefix = "0"
        return NumberingPlan(settings, emergencyNumbers: ["112"])
    }
    static var france: NumberingPlan {
        NumberingPlan(NumberingSettings(countryCode: "33"), emergencyNumbers: ["112", "15"])
    }

    // MARK: Dialled

    @Test(arguments: [
        ("0030123456", "+4930123456"), ("001234567", "+491234567"), ("01234567", "+49301234567"),
        ("000331234567", "+331234567"), ("0015112345678", "+4915112345678"), ("+49 30 123-456", "+4930123456"),
        ("+49 (0)30 123456", "+4930123456"), ("+33 1 23 45 67 89", "+33123456789"), ("0030/123456", "+4930123456"),
    ])
    func `numbers dialled in Berlin become E164`(dialled: String, expected: String) {
        guard case .external(let found, _) = Self.germany.dialled(dialled, isInternal: false) else {
            Issue.record("\(dialled) is not external")
            return
        }
        #expect(found.description == expected)
    }

    @Test(arguments: [
        "00", "0", "", "00001", "000012345678", "30123456", "+0123456", "+", "+12", "00030123456789012345", "abc",
        "0*21#",
    ])
    func `what cannot be called is invalid`(dialled: String) {
        #expect(Self.germany.dialled(dialled, isInternal: false) == .invalid)
    }

    @Test(arguments: [
        ("5551234", "+12125551234"), ("2125551234", "+12125551234"), ("12125551234", "+12125551234"),
        ("011493012345", "+493012345"), ("+493012345", "+493012345"), ("415-555-1234", "+14155551234"),
    ])
    func `numbers dialled in New York become E164`(dialled: String, expected: String) {
        guard case .external(let number, _) = Self.america.dialled(dialled, isInternal: false) else {
            Issue.record("\(dialled) is not external")
            return
        }
        #expect(number.description == expected)
    }

    @Test(arguments: [
        ("006123456", "+3906123456"), ("03331234567", "+393331234567"), ("000493012345", "+493012345"),
    ])
    func `numbers dialled in Italy keep their zero`(dialled: String, expected: String) {
        guard case .external(let number, _) = Self.italy.dialled(dialled, isInternal: false) else {
            Issue.record("\(dialled) is not external")
            return
        }
        #expect(number.description == expected)
    }

    @Test(arguments: [("0123456789", "+33123456789"), ("00493012345", "+493012345")])
    func `numbers dialled in France are always whole`(dialled: String, expected: String) {
        guard case .external(let number, let asDialled) = Self.france.dialled(dialled, isInternal: false) else {
            Issue.record("\(dialled) is not external")
            return
        }
        #expect(number.description == expected && asDialled == dialled)
        #expect(Self.france.dialled("123456789", isInternal: false) == .invalid)
    }

    @Test func `a number for help is one with and without outside prefix, even when an extension has it`() {
        #expect(Self.germany.dialled("112", isInternal: true) == .emergency("112"))
        #expect(Self.germany.dialled("0112", isInternal: false) == .emergency("112"))
        #expect(Self.france.dialled("15", isInternal: false) == .emergency("15"))
        #expect(Self.america.dialled("911", isInternal: false) == .emergency("911"))
        #expect(Self.germany.dialled("1121", isInternal: false) == .invalid)
    }

    @Test func `extensions are internal and short numbers go out as they are`() {
        #expect(Self.germany.dialled("100", isInternal: true) == .internal("100"))
        #expect(Self.germany.dialled("*98", isInternal: true) == .internal("*98"))
        #expect(Self.germany.dialled("0115", isInternal: false) == .short("115"))
        #expect(Self.germany.dialled("0116117", isInternal: false) == .short("116117"))
        #expect(Self.america.dialled("411", isInternal: false) == .short("411"))
        #expect(Self.france.dialled("3639", isInternal: false) == .short("3639"))
        #expect(Self.america.dialled("41", isInternal: false) == .external(E164Number("+121241")!, asDialled: "41"))
    }

    // MARK: Received

    @Test(
        arguments: [
            ("sip:+4930123456@t.example", "+4930123456"), ("sip:004930123456@t.example;user=phone", "+4930123456"),
            ("sip:030123456@t.example", "+4930123456"), ("sip:234567@t.example", "+4930234567"),
            ("sip:0033123456789@t.example", "+33123456789"), ("tel:+49-30-123456", "+4930123456"),
            ("tel:030-123456;phone-context=+49", "+4930123456"), ("tel:30123456;phone-context=+49", "+4930123456"),
            ("tel:123456;phone-context=+4930", "+4930123456"), ("tel:234567;phone-context=t.example", "+4930234567"),
            ("sip:030123456;phone-context=+49@t.example;user=phone", "+4930123456"),
            ("sip:+4930123456;npdi;rn=+4989999@t.example;user=phone", "+4930123456"),
            ("sip:+49.30.(123)456@t.example", "+4930123456"),
            ("tel:+4930123456;npdi", "+4930123456"), ("tel:0612345678;phone-context=+33", "+33612345678"),
            ("tel:0612345678;phone-context=+39", "+390612345678"),
        ])
    func `every form of a number from a German trunk is one number`(uri: String, expected: String) throws {
        let number = Self.germany.received(try SIPURI(parsing: uri), format: .automatic)
        #expect(number == .e164(try #require(E164Number(expected))))
    }

    @Test(arguments: [
        (TrunkSettings.IncomingFormat.international, "4930123456", "+4930123456"),
        (.international, "+4930123456", "+4930123456"), (.international, "030123456", "+4930123456"),
        (.international, "0033123456789", "+33123456789"), (.national, "30123456", "+4930123456"),
        (.national, "030123456", "+4930123456"), (.national, "004930123456", "+4930123456"),
        (.automatic, "30123456", "+493030123456"),
    ])
    func `bare digits mean what the trunk's format says`(
        format: TrunkSettings.IncomingFormat, text: String, expected: String
    ) {
        #expect(Self.germany.received(text, format: format) == .e164(E164Number(expected)!))
    }

    @Test(arguments: ["sip:anonymous@anonymous.invalid", "sip:t.example", "sip:+@t.example", "mailto:1@t.example"])
    func `what names no number is none`(uri: String) throws {
        #expect(Self.germany.received(try SIPURI(parsing: uri), format: .automatic) == .none)
    }

    @Test func `short numbers and codes from a trunk stay as they are`() {
        #expect(Self.germany.received("115", format: .national) == .other("115"))
        #expect(Self.germany.received("*31", format: .automatic) == .other("*31"))
        #expect(Self.america.received("2125551234", format: .automatic) == .e164(E164Number("+12125551234")!))
        #expect(Self.italy.received("0612345", format: .automatic) == .e164(E164Number("+390612345")!))
        #expect(Self.italy.received("390612345", format: .international) == .e164(E164Number("+390612345")!))
    }

    // MARK: Written

    @Test(arguments: [
        (germany, "+4930123456", "030123456", "0030123456"),
        (germany, "+33123456789", "0033123456789", "00033123456789"),
        (america, "+14155551234", "14155551234", "14155551234"),
        (america, "+493012345", "011493012345", "011493012345"),
        (italy, "+390612345", "0612345", "00612345"), (italy, "+493012345", "00493012345", "000493012345"),
        (france, "+33123456789", "0123456789", "0123456789"),
    ])
    func `a number is shown so that dialling it again reaches it`(
        plan: NumberingPlan, text: String, national: String, shown: String
    ) throws {
        let number = try #require(E164Number(text))
        #expect(plan.national(number) == national)
        #expect(plan.shown(number) == shown)
        #expect(plan.dialled(shown, isInternal: false) == .external(number, asDialled: national))
    }

    @Test func `without a country only international numbers are known`() {
        let plan = NumberingPlan(NumberingSettings())
        #expect(
            plan.dialled("+4930123456", isInternal: false)
                == .external(E164Number("+4930123456")!, asDialled: "+4930123456"))
        #expect(
            plan.dialled("004930123456", isInternal: false)
                == .external(E164Number("+4930123456")!, asDialled: "004930123456"))
        #expect(plan.dialled("030123456", isInternal: false) == .invalid)
        #expect(plan.shown(E164Number("+4930123456")!) == "004930123456")
    }

    @Test func `an operator may write a number in any form`() {
        #expect(Self.germany.configured("+49 30 123456") == E164Number("+4930123456"))
        #expect(Self.germany.configured("030 / 123456") == E164Number("+4930123456"))
        #expect(Self.germany.configured("234567") == E164Number("+4930234567"))
        #expect(Self.germany.configured("nobody") == nil)
    }

    @Test func `an E164 number has 4 to 15 digits`() {
        #expect(E164Number("+123") == nil && E164Number("+1234") != nil)
        #expect(E164Number("+123456789012345") != nil && E164Number("+1234567890123456") == nil)
        #expect(E164Number("1234") == nil && E164Number("+12a4") == nil)
    }
}
