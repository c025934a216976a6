/// An error answer of every service (RFC 9457).
package struct ProblemDetails: Codable, Sendable, Hashable {
    package static let contentType = "application/problem+json"

    /// The phrase that goes with the status.
    package var title: String
    package var status: Int
    /// What happened to this request, and what to try; shown to people.
    package var detail: String

    package init(status: Int, title: String, detail: String) {
        self.status = status
        self.title = title
        self.detail = detail
    }

    package func encoded() throws(CloudWireError) -> [UInt8] { try WireJSON.encode(self, what: "problem details") }
}
