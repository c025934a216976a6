import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Settings
import Updates

/// What the image is made for.
package struct Platform: Sendable, Hashable {
    /// The board's name (`/etc/pbx/board`); `process` where there is none.
    package var board: String
    package init(board: String = "process") { self.board = board }

    /// As F-S2 names it: images are made for boards.
    package var operatingSystem: String { "linux-\(board)" }
}

/// What the owner asks about updates.
package enum UpdateCommand: Sendable, Hashable {
    case status
    case check
    case install
    /// Whether updates are looked for once a day.
    case lookByItself(Bool)
}

/// Updates at work (F-S2): what the question carries, and what becomes of the answer.
extension ConnectedServices {
    /// A whole bundle over a slow line.
    static let downloadLimit = Duration.seconds(3_600)

    mutating func update(_ command: UpdateCommand, _ id: AdminRequestID) {
        switch command {
        case .status: reply(id, .update(updates.status))
        case .check: inbox.append(.update(.check(UpdateRequester(id.value))))
        case .install: inbox.append(.update(.install(UpdateRequester(id.value))))
        case .lookByItself(let isOn):
            var next = state
            next.looksForUpdates = isOn
            remember(next, for: id, "updates are \(isOn ? "looked for once a day" : "looked for when asked to")")
        }
    }

    /// In force at once; asked for by somebody, it is answered when it is durable.
    mutating func remember(_ next: ServiceState, for id: AdminRequestID? = nil, _ text: String = "") {
        state = next
        store([.putServiceState(next)], then: .serviceState(id, text))
    }

    mutating func stateStored(_ id: AdminRequestID?, _ text: String, _ outcome: StoreOutcome) {
        switch (outcome, id) {
        case (.committed, let id?): reply(id, .done(text))
        case (.committed, nil): break
        case (.failed(let failure), let id?):
            reply(
                id, .refused(status: 503, detail: "\(text) until the next start only: not stored (\(failure.summary))"))
        case (.failed(let failure), nil):
            effects.append(.log(.error, "what services remember could not be stored: \(failure.summary)"))
        }
    }

    mutating func reviewUpdates() {
        inbox.append(
            .update(
                .wanted(
                    isOn: switches[.updates] == true && !isDraining, hasServer: settings.cloud.update != nil,
                    looksByItself: state.looksForUpdates)))
        inbox.append(.update(.timePassed))
    }

    mutating func updateAnswered(_ answer: CloudReply) {
        inbox.append(
            .update(
                .answered(answer, installationID: state.installationID ?? "", known: state.manifestIssuedAt)))
    }

    mutating func perform(_ wishes: [UpdateMachine.Effect], entropy: inout Entropy) {
        for wish in wishes {
            switch wish {
            case .query(let trigger): ask(on: trigger, entropy: &entropy)
            case .fetch(let manifest):
                send(
                    .s2, to: .update,
                    [
                        OutboundField(.externalAddress, .implied), OutboundField(.version, .bundle(manifest)),
                        OutboundField(.operatingSystem, .text(platform.operatingSystem)),
                    ], on: .administrator, purpose: .updateBundle, within: Self.downloadLimit)
            case .handOver(let manifest): run(.handOverUpdate(manifest), then: .updateHandedOver)
            case .believed(let issuedAt):
                var next = state
                next.manifestIssuedAt = issuedAt
                remember(next)
            case .answer(let requester, .success(let text)): reply(AdminRequestID(requester.value), .done(text))
            case .answer(let requester, .failure(let refusal)):
                reply(AdminRequestID(requester.value), .refused(status: refusal.status, detail: "\(refusal)"))
            case .log(let text): effects.append(.log(.notice, text))
            }
        }
    }

    private mutating func ask(on trigger: Trigger, entropy: inout Entropy) {
        if state.installationID == nil {
            var next = state
            next.installationID = entropy.hexToken(bytes: 16)
            remember(next)
        }
        send(
            .s2, to: .update,
            [
                OutboundField(.externalAddress, .implied), OutboundField(.version, .text(firmwareVersion)),
                OutboundField(.operatingSystem, .text(platform.operatingSystem)),
                OutboundField(.installationID, .text(state.installationID ?? "")),
                OutboundField(.activationStatus, .text(settings.edition == .tryout ? "tryout" : "activated")),
            ], on: trigger, purpose: .updateQuery)
    }
}
