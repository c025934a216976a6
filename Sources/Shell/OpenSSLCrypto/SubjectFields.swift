/// The subject attributes that name a device or a role. Nil for what is absent, present twice, or not plain text: an
/// ambiguous name is no name.
package struct SubjectFields: Sendable, Hashable {
    package var commonName: String?
    package var organizationalUnit: String?
    package var serialNumber: String?

    package init(commonName: String? = nil, organizationalUnit: String? = nil, serialNumber: String? = nil) {
        self.commonName = commonName
        self.organizationalUnit = organizationalUnit
        self.serialNumber = serialNumber
    }
}
