import ApplianceCore
import CloudCore
import CloudMessages
import Media
import Persistence
import Primitives
import PrivacyContract
import Settings

extension Scenario {
    static let call = Scenario(
        name: "call", purpose: "a G.711 call between two telephones over the seeded network, tones heard at both ends"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.toneCall(codecs: (.pcmu, .pcmu))
    }

    static let callData = Scenario(
        name: "call-data", purpose: "F-C6: records stream to a paired Control Center only while the owner lets them"
    ) { world throws(ScenarioFailure) in
        world.bootAppliance()
        try world.pair()
        guard let credential = world.cloud.credential else { throw ScenarioFailure("no credential", at: world.now) }
        let credentials = Credentials(user: credential.user, password: credential.password)
        var refusal: Int?
        world.appliance.subscribe(credentials, after: 0) { reply in
            if case .problem(let status, _, _) = reply { refusal = status }
        } event: { _ in
        }
        try world.wait("the refusal while call data is off", within: .seconds(10)) { refusal != nil }
        try world.turn(.callData, on: true)
        try world.echoCall()
        var heard: [UInt64] = []
        var isOpen = false
        var hasEnded = false
        world.appliance.subscribe(credentials, after: 0) { reply in
            if case .callDataStream = reply { isOpen = true }
        } event: {
            heard.append($0.callDataID)
        } end: {
            hasEnded = true
        }
        try world.wait("the history on the stream", within: .seconds(10)) { isOpen && heard.count == 1 }
        try world.echoCall()
        try world.wait("the live record", within: .seconds(10)) { heard.count == 2 }
        try world.require(heard == heard.sorted() && Set(heard).count == 2, "ids \(heard) are not unique and ordered")
        try world.turn(.callData, on: false)
        try world.wait("the end of the stream", within: .seconds(1)) { hasEnded }
        try world.failingCall()
        try world.turn(.callData, on: true)
        try world.turn(.controlCenter, on: false)
        var afterwards: Int?
        world.appliance.subscribe(credentials, after: 0) { reply in
            if case .problem(let status, _, _) = reply { afterwards = status }
        } event: {
            heard.append($0.callDataID)
        }
        try world.wait("the old credential's refusal", within: .seconds(10)) { afterwards != nil }
        try world.require(heard.count == 2, "records after the Control Center was switched off")
    }
}

extension World {
    /// What is committed of the call history.
    var callRecords: [CallRecord] { appliance.disk.histories.callRecords(after: 0, limit: 1_000) }

    func phone(_ user: String, codec: AudioCodec, toneHertz: Double, answers: Bool = false, password: Secret? = nil)
        -> PhoneNode
    {
        if let known = phones.first(where: { $0.user == user }) { return known }
        let index = phones.count
        let phone = PhoneNode(
            world: self, address: .v4(0xC000_0214 + UInt32(index)), user: user,
            password: password ?? Self.users.first { $0.extension == user }?.password ?? Secret(""), codec: codec,
            toneHertz: toneHertz, answersAfter: answers ? .milliseconds(700) : nil)
        addPhone(phone)
        return phone
    }

    func register(_ phone: PhoneNode) throws(ScenarioFailure) {
        guard !phone.isRegistered else { return }
        phone.connect()
        try wait("telephone \(phone.user) registered", within: .seconds(90)) { phone.isRegistered }
    }

    /// 100 calls 101; both send a tone for two seconds; both must hear the other's.
    func toneCall(codecs: (AudioCodec, AudioCodec)) throws(ScenarioFailure) {
        let ada = phone("100", codec: codecs.0, toneHertz: 1_000)
        let bob = phone("101", codec: codecs.1, toneHertz: 440, answers: true)
        try register(ada)
        try register(bob)
        ada.call("101")
        try wait("the call", within: .seconds(60)) { ada.isInCall && bob.isInCall }
        advance(.seconds(2))
        guard case .calls(let calls) = try appliance.admin(.calls), calls.count == 1 else {
            throw ScenarioFailure("the appliance does not list one call", at: now)
        }
        try ada.requireHeard(440)
        try bob.requireHeard(1_000)
        ada.hangUp()
        try wait("the end of the call", within: .seconds(90)) { !ada.isInCall && !bob.isInCall }
    }

    /// 100 calls the echo extension and hears itself.
    func echoCall() throws(ScenarioFailure) {
        let ada = phone("100", codec: .pcmu, toneHertz: 1_000)
        try register(ada)
        let before = callRecords.count
        ada.call("600")
        try wait("the echo call", within: .seconds(60)) { ada.isInCall }
        advance(.seconds(1))
        try ada.requireHeard(1_000)
        ada.hangUp()
        try wait("the end of the echo call", within: .seconds(90)) { !ada.isInCall }
        guard !appliance.disk.isFull else { return }
        try wait("its record", within: .seconds(60)) {
            callRecords.count == before + 1
        }
    }
}
