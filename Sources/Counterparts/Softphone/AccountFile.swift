import Foundation
import FoundationXML
package import Media
package import Primitives

/// A provisioning file (F-S3): `<options><accounts><account>…`, the vendor's form.
package struct AccountFile: Sendable {
    package var user: String
    package var name: String
    package var password: Secret
    package var domain: String
    package var codecs: [AudioCodec]

    /// A file larger than this is refused unread.
    package static let sizeLimit = 65_536

    /// Reads the first account. Throws `.provisioningUnreadable` with what is wrong.
    package init(xml: [UInt8]) throws(SoftphoneError) {
        guard xml.count <= Self.sizeLimit else {
            throw .provisioningUnreadable("\(xml.count) bytes, limit \(Self.sizeLimit)")
        }
        let collector = Collector()
        let parser = XMLParser(data: Data(xml))
        parser.shouldResolveExternalEntities = false
        parser.delegate = collector
        guard parser.parse() else { throw .provisioningUnreadable("it is not well-formed XML") }
        guard let user = collector.fields["username"]?.first, let password = collector.fields["password"]?.first,
            let domain = collector.fields["domain"]?.first
        else { throw .provisioningUnreadable("username, password or domain is missing") }
        self.user = user
        self.password = Secret(password)
        self.domain = domain
        name = collector.fields["name"]?.first ?? user
        codecs = (collector.fields["codec"] ?? []).compactMap { name in
            AudioCodec.allCases.first { $0.rawValue.lowercased() == name.lowercased() }
        }
    }

    private final class Collector: NSObject, XMLParserDelegate {
        private(set) var fields: [String: [String]] = [:]
        private var text = ""
        private var accounts = 0

        func parser(
            _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String] = [:]
        ) {
            if element == "account" { accounts += 1 }
            text = ""
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) {
            if text.utf8.count < 1_024 { text += string }
        }

        func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) {
            if accounts == 1 { fields[element, default: []].append(text) }
            text = ""
        }
    }
}
