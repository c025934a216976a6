import Testing

@testable import HTTPServer

@Suite struct RemoteSettingsTests {
    @Test(arguments: [
        "privacy.strict", "cloud.relay", "call_records.retention_days", "media.backend", "media.rtpengine.address",
        "media.srtp", "features.recording_consent", "features.recording_groups", "users.101.features.recording",
        "sip.protection.enabled", "https.listen",
    ])
    func `what decides where data go, and who is recorded, is the owner's`(key: String) {
        #expect(RemoteAdministration.isOwners(key[...]))
    }

    @Test(arguments: ["users.101", "users.101.features.dnd", "media.ports", "features.echo", "groups.610"])
    func `what configures telephones and calls is open to a remote session`(key: String) {
        #expect(!RemoteAdministration.isOwners(key[...]))
    }
}
