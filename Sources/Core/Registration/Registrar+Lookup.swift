package import Primitives
package import SIPMessage
import SIPTransaction

extension Registrar {
    /// Live bindings, preferred ones first, then the most recently refreshed.
    package func bindings(of addressOfRecord: String, at now: Instant) -> [Binding] {
        (table[addressOfRecord]?.bindings ?? []).filter { $0.expiresAt > now }.sorted {
            ($0.preference, $0.refreshOrder) > ($1.preference, $1.refreshOrder)
        }
    }

    /// Where a call to the user goes: groups to be tried one after the other, all of a group at a time (RFC 3261
    /// section 16.6, q-values).
    ///
    /// Of the flows of one device only the best is in there, as the device is to ring once; `alternates` has the others
    /// for when that flow fails. What cannot be reached is left out, and for a call to a `sips` URI whatever is not
    /// bound to one.
    package func ranks(of addressOfRecord: String, secure: Bool = false, at now: Instant) -> [[Binding]] {
        var ranks: [[Binding]] = []
        for binding in usable(of: addressOfRecord, secure: secure, at: now) where !isSeen(binding, in: ranks) {
            if let preference = ranks.last?.first?.preference, preference == binding.preference {
                ranks[ranks.count - 1].append(binding)
            } else {
                ranks.append([binding])
            }
        }
        return ranks
    }

    /// The other flows of the same device, best first: to be tried after 430, 408 or a failure of the transport, and
    /// after no other answer (RFC 5626 section 5.3.1).
    package func alternates(
        to binding: Binding, of addressOfRecord: String, secure: Bool = false, at now: Instant
    ) -> [Binding] {
        guard let instance = binding.instance else { return [] }
        return usable(of: addressOfRecord, secure: secure, at: now).filter {
            $0.instance == instance && !$0.replaces(binding)
        }
    }

    /// Preferred first; of equal ones those with an open way, then the most recently refreshed.
    private func usable(of addressOfRecord: String, secure: Bool, at now: Instant) -> [Binding] {
        (table[addressOfRecord]?.bindings ?? []).filter {
            $0.expiresAt > now && $0.isReachable && (!secure || $0.isSecure)
        }.sorted {
            ($0.preference, $0.hasOpenWay ? 1 : 0, $0.refreshOrder)
                > ($1.preference, $1.hasOpenWay ? 1 : 0, $1.refreshOrder)
        }
    }

    private func isSeen(_ binding: Binding, in ranks: [[Binding]]) -> Bool {
        guard let instance = binding.instance else { return false }
        return ranks.contains { $0.contains { $0.instance == instance } }
    }

    // MARK: GRUU (RFC 5627)

    /// The bindings of the one device that a GRUU names, best first; nil when `uri` is no GRUU, empty when its device is
    /// not registered now (480). The caller has seen that the host is ours.
    package func resolve(gruu uri: SIPURI, at now: Instant) -> [Binding]? {
        guard let name = uri.user, let instance = uri.parameters["gr"], !instance.isEmpty else { return nil }
        return usable(of: name, secure: uri.scheme == .sips, at: now).filter { $0.instance == instance }
    }
}

extension Binding {
    fileprivate var hasOpenWay: Bool { flow.transport == .udp || flow.connection != nil }
}

extension SIPURI {
    /// The public GRUU of a device: the address of record and `gr` with the instance (RFC 5627 section 5.4.1). Nil for
    /// an instance that is no URN, which says nothing that lasts.
    init?(publicGRUUOf addressOfRecord: SIPURI, instance: String) {
        guard instance.lowercased().hasPrefix("urn:"), instance.utf8.count <= 256, let user = addressOfRecord.user
        else { return nil }
        self.init(scheme: addressOfRecord.scheme, user: user, host: addressOfRecord.host)
        parameters.set("gr", instance)
    }

    func isGRUU(of addressOfRecord: SIPURI) -> Bool {
        parameters.contains("gr") && user == addressOfRecord.user
            && host.lowercased() == addressOfRecord.host.lowercased()
    }
}
