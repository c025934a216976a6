package import Primitives

/// What a new certificate shall say.
package struct CertificateTemplate: Sendable, Hashable {
    package enum Role: Sendable, Hashable {
        /// With the number of authorities that may follow below.
        case authority(pathLength: Int)
        case client, server, clientAndServer
    }

    package var subject: SubjectFields
    package var role: Role
    package var dnsNames: [String]
    package var addresses: [IPAddress]
    package var notBefore: UnixTime
    package var notAfter: UnixTime

    package init(
        subject: SubjectFields, role: Role, dnsNames: [String] = [], addresses: [IPAddress] = [], notBefore: UnixTime,
        notAfter: UnixTime
    ) {
        self.subject = subject
        self.role = role
        self.dnsNames = dnsNames
        self.addresses = addresses
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    var keyUsage: String {
        switch role {
        case .authority: "critical,keyCertSign,cRLSign"
        case .client, .server, .clientAndServer: "critical,digitalSignature"
        }
    }

    var basicConstraints: String {
        switch role {
        case .authority(let pathLength): "critical,CA:TRUE,pathlen:\(pathLength)"
        case .client, .server, .clientAndServer: "critical,CA:FALSE"
        }
    }

    var extendedKeyUsage: String? {
        switch role {
        case .authority: nil
        case .client: "clientAuth"
        case .server: "serverAuth"
        case .clientAndServer: "clientAuth,serverAuth"
        }
    }

    /// subjectAltName in OpenSSL's text form; throws for a name with anything but letters, digits, `.`, `-` and `*`.
    func alternativeNames() throws(CryptoError) -> String? {
        for name in dnsNames {
            let isPlain = name.utf8.allSatisfy {
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2A, 0x2D, 0x2E: true
                default: false
                }
            }
            guard isPlain, (1...253).contains(name.utf8.count) else {
                throw .invalidName(what: "DNS name", value: name)
            }
        }
        let entries = dnsNames.map { "DNS:\($0)" } + addresses.map { "IP:\($0)" }
        return entries.isEmpty ? nil : entries.joined(separator: ",")
    }
}
