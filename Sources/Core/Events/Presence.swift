/// What presence says of a user: derived from registration and calls, nobody publishes it.
struct Presence: Sendable, Equatable {
    /// A telephone is registered.
    var isOpen: Bool
    /// In a call; false for who may not see it.
    var isOnThePhone: Bool

    /// `application/pidf+xml` (RFC 3863 section 4), with the activity of RFC 4480 beside the note.
    func bytes(entity: String) -> [UInt8] {
        var xml = XMLWriter()
        xml.begin(
            "presence",
            [
                "xmlns": "urn:ietf:params:xml:ns:pidf", "xmlns:dm": "urn:ietf:params:xml:ns:pidf:data-model",
                "xmlns:rpid": "urn:ietf:params:xml:ns:pidf:rpid", "entity": entity,
            ])
        xml.begin("tuple", ["id": "telephone"])
        xml.begin("status")
        xml.element("basic", [:], isOpen ? "open" : "closed")
        xml.end()
        xml.element("contact", [:], entity)
        if isOnThePhone { xml.element("note", [:], "On the phone") }
        xml.end()
        if isOnThePhone {
            xml.begin("dm:person", ["id": "person"])
            xml.begin("rpid:activities")
            xml.element("rpid:on-the-phone")
            xml.end()
            xml.end()
        }
        return xml.finish()
    }
}
