package import SIPDialog
package import SIPMessage
package import SIPTransaction

extension Dialog {
    /// Where requests inside the dialog go: to the first proxy, which is where the peer's message came from over `source`
    /// with the top Via `via`, or straight to the peer's Contact.
    package func flow(over source: SIPFlow, sentBy via: Via?) -> SIPFlow {
        routeSet.isEmpty ? source.reaching(remoteTarget, sentBy: via) : source
    }
}
