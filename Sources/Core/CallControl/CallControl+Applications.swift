package import Applications
import Media
import Primitives
package import Settings

/// Callers whom the appliance answers itself: carries the applications' commands out on their calls, and tells the
/// applications what happens there.
extension CallControl {
    // MARK: What others see and do

    /// Sounds that are at hand from now on.
    package mutating func adopt(_ library: PromptLibrary) { prompts = library }

    /// The night was switched.
    package mutating func setNight(_ isOn: Bool, _ context: inout CallContext) {
        applications.setNight(isOn)
        runApplications(&context)
    }

    /// Something about the files of messages.
    package mutating func messages(_ event: MessageEvent, _ context: inout CallContext) {
        if case .loaded(let id, let caller, let clip) = event { loaded(id, for: caller, clip, &context) }
        applications.handle(event, facts: facts(context))
        if let text = recordings.handle(event) { context.effects.append(.log(text)) }
        if case .found = event { recordings.sweep(at: context.now, wall: context.wall) }
        takeRecordingCommands(&context)
        runApplications(&context)
    }

    /// Does something with the applications for an administrator, and what comes of it.
    package mutating func administer<Result>(
        _ context: inout CallContext, _ body: (inout ApplicationServer) -> Result
    ) -> Result {
        let result = body(&applications)
        runApplications(&context)
        return result
    }

    // MARK: Events

    mutating func tellApplication(_ event: ApplicationEvent, of id: UInt64, _ context: inout CallContext) {
        if event == .left { loading[CallerID(id)] = nil }
        applications.handle(event, of: CallerID(id), facts: facts(context))
        runApplications(&context)
    }

    mutating func enter(_ application: Application, _ id: UInt64, _ context: inout CallContext) {
        guard let call = call(id), call.isActive else { return }
        context.count("applications.entered")
        let facts = facts(context)
        let index = call.applicationIndex
        let who = call.legs[index].party
        applications.enter(
            application, CallerID(id),
            CallerFacts(number: who.number, name: who.name, isUser: call.participants[index].line == nil), facts: facts)
        runApplications(&context)
    }

    mutating func applicationsDeadline(_ context: inout CallContext) {
        guard let due = applications.nextDeadline, context.now >= due else { return }
        applications.deadline(facts(context))
        runApplications(&context)
    }

    private func facts(_ context: CallContext) -> ApplicationFacts {
        ApplicationFacts(now: context.now, wall: context.wall, busy: applications.hasQueues ? busyUsers : [])
    }

    // MARK: Commands

    mutating func runApplications(_ context: inout CallContext) {
        for output in applications.takeOutput() {
            switch output {
            case .caller(let caller, let command): carryOut(command, for: caller, &context)
            case .startRecording(let caller, let recording):
                guard call(caller.value)?.isActive == true else { continue }
                context.effects.append(.media(.record(MediaSessionID(caller.value), recording, .mixed)))
            case .stopRecording(let caller, let recording):
                guard call(caller.value)?.isActive == true else { continue }
                context.effects.append(.media(.stopRecording(MediaSessionID(caller.value), recording)))
            case .files(let command): context.effects.append(.messages(command))
            case .waiting(let user, let new, let old):
                context.effects.append(.messagesWaiting(user: user, new: new, old: old))
            case .noBox(let user): context.effects.append(.messagesWaiting(user: user, new: 0, old: 0))
            case .log(let text): context.effects.append(.log(text))
            case .night(let isOn): context.effects.append(.night(isOn))
            case .agent(let user, let state): context.effects.append(.agent(user, state))
            }
        }
    }

    private mutating func carryOut(
        _ command: ApplicationCommand, for caller: CallerID, _ context: inout CallContext
    ) {
        let id = caller.value
        switch command {
        case .play(let prompts): play(prompts, to: caller, &context)
        case .collect(let rules): withCall(id, &context) { $0.collect(rules, at: $1.now) }
        case .stopCollecting: withCall(id, &context) { $0.collect(nil, at: $1.now) }
        case .connect(let connection): withCall(id, &context) { $0.connect(connection, &$1) }
        case .stopRinging: withCall(id, &context) { $0.stopConnecting(&$1) }
        case .enter(let application): withCall(id, &context) { $0.enter(application, &$1) }
        case .join(let room, let participation): withCall(id, &context) { $0.join(room, participation, &$1) }
        case .hangUp: withCall(id, &context) { $0.end(&$1) }
        case .record, .stopRecording, .log: break  // the server's own
        }
    }

    // MARK: Sounds

    private mutating func play(_ wanted: [Prompt], to caller: CallerID, _ context: inout CallContext) {
        loading[caller] = nil
        let messages = wanted.compactMap { prompt -> MessageID? in
            if case .message(let id) = prompt { id } else { nil }
        }
        guard !messages.isEmpty else { return play(wanted, [:], to: caller, &context) }
        loading[caller] = PromptLoad(prompts: wanted, missing: messages)
        withCall(caller.value, &context) { $0.awaitSounds(&$1) }
        for id in messages { context.effects.append(.messages(.load(id, for: caller))) }
    }

    private mutating func loaded(
        _ id: MessageID, for caller: CallerID, _ clip: AudioClip?, _ context: inout CallContext
    ) {
        guard var load = loading[caller] else { return }
        load.missing.removeAll { $0 == id }
        load.clips[id] = clip
        loading[caller] = load.missing.isEmpty ? nil : load
        // Who has pressed a key meanwhile does not hear it any more.
        guard load.missing.isEmpty, call(caller.value)?.application?.isLoading == true else { return }
        play(load.prompts, load.clips, to: caller, &context)
    }

    private mutating func play(
        _ wanted: [Prompt], _ clips: [MessageID: AudioClip], to caller: CallerID, _ context: inout CallContext
    ) {
        let (playlist, missing) = prompts.playlist(of: wanted, messages: clips, country: sounds.country)
        for name in missing where missingPrompts.insert(name).inserted {
            context.count("applications.missing-prompts")
            context.effects.append(.log("prompt \(name) is not there; a tone is heard in its place"))
        }
        withCall(caller.value, &context) { $0.play(playlist, &$1) }
    }
}

/// Prompts that wait for the sounds of messages.
struct PromptLoad: Sendable {
    let prompts: [Prompt]
    var missing: [MessageID]
    var clips: [MessageID: AudioClip] = [:]
}

extension CallControl {
    /// How many callers are in applications.
    package var applicationCallers: Int { applications.callerCount }

    /// The settings of a user's mailbox; nil: they have none.
    package func mailbox(of user: String) -> MailboxSettings? { applications.boxes.settings(of: user) }
}
