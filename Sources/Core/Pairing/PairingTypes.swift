package import CloudMessages
package import Persistence
package import Primitives
package import PrivacyContract

/// Names one step that somebody else carries out (a hash, a transaction, a message), so that a late result is known as late.
package struct PairingOperation: Hashable, Sendable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
}

/// Who waits for an answer: the number of a service or administration request, as the caller counts them.
package struct PairingRequester: Hashable, Sendable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
}

/// What an administrator or a device state shows of the pairing.
package enum PairingStage: String, Sendable, Hashable { case unpaired, offered, confirming, paired }

package enum PairingInput: Sendable, Equatable {
    /// F-C2, with what the shell found out about its signature.
    case offer(PairingOffer, signatureIsValid: Bool, PairingRequester)
    /// The code as a person typed it.
    case enterCode(String, isOptionOn: Bool, hasServer: Bool, PairingRequester)
    /// F-C4. `with` joins the erasure in its transaction (the switches).
    case switchOff(with: [StoreCommand], PairingRequester?)
    case hashed(PairingOperation, [UInt8])
    case hashingFailed(PairingOperation, String)
    case stored(PairingOperation)
    case storingFailed(PairingOperation, StoreFailure)
    /// The Control Center's answer to F-C3.
    case answered(PairingOperation, CloudReply)
    /// A deadline passed, or the wall clock was set.
    case timePassed
}

package enum PairingEffect: Sendable, Equatable {
    /// Nil: taken.
    case answerOffer(PairingRequester, PairingRefusal?)
    case answerAdministrator(PairingRequester, Result<String, PairingRefusal>)
    /// scrypt over the new password.
    case hash(PairingOperation, Secret, salt: [UInt8])
    /// One transaction.
    case persist(PairingOperation, [StoreCommand])
    /// F-C3.
    case send(PairingOperation, userName: String, password: Secret, tokenID: String)
    /// F-C4, once, best effort.
    case revoke(tokenID: String)
    /// The live user changed or is gone: forget verified credentials, end its streams.
    case credentialsChanged
    case log(String)
}

/// Constants of WIRE.md, Pairing.
package enum PairingParameters {
    /// 160 bits.
    package static let passwordBytes = 20
    package static let saltBytes = 16
    package static let userNamePrefix = "ccc-"
    package static let userNameSymbols = 8
    /// How far apart the clocks of appliance and Control Center may be.
    package static let clockTolerance = Duration.seconds(300)
    /// Token ids whose end is remembered, in memory only, so that the flash keeps no trace of them (R8).
    package static let rememberedTokens = 16
    package static let tokenIDBytes = 1...64
}
