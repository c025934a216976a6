import CallControl
import CloudMessages
package import Primitives
import SIPMessage
import SIPTransaction

/// The account with which the appliance's own self-test calls: from this machine alone, with a password that is new at each
/// start, to an echo, and without a record. It is no user: nobody can call it, and it can do nothing but that call.
package struct SelfTestAccount: Sendable {
    /// No extension has such a name: those are digits.
    package static let name = "self-test"

    let password: Secret

    package init(password: Secret) { self.password = password }

    /// What the account's requests are judged by; nil for a request that it may not make.
    func password(for name: String, _ method: SIPMethod, from address: IPAddress) -> Secret? {
        name == Self.name && method == .invite && address.isLoopback ? password : nil
    }
}

extension Telephony {
    /// The call of the self-test, once it has proved who it is: echoed, wherever it is addressed.
    mutating func inviteFromSelfTest(_ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow) {
        guard isAcceptable(request, server) else { return }
        let party = CallParty(number: SelfTestAccount.name, name: "Self-test")
        let invitation = Invitation(
            server: server, request: request, flow: flow, caller: party, destination: .service(party, .echo), ranks: [])
        calls.invite(invitation, &context)
    }
}
