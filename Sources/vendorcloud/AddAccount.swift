import ArgumentParser
import CloudCore
import Primitives
import VendorCloud

/// `vendorcloud add-account --data DIR --login ada --company Acme < password`: the first user of a company.
struct AddAccount: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-account",
        abstract: "Make an account of the Control Center, and its company; the password is read from standard input.",
        discussion: "Run it while the cloud does not: later accounts are made on the page by an owner of the company.")

    @Option(help: "The cloud's data directory.")
    var data: String
    @Option(help: "What the user logs in with.")
    var login: String
    @Option(help: "The user's name; the login when it is absent.")
    var name: String?
    @Option(help: "The company, which is made when there is none of that name.")
    var company: String
    @Option(help: "owner, technician or viewer.")
    var role = "owner"

    func validate() throws {
        guard AccountRole(rawValue: role) != nil else { throw ValidationError("--role '\(role)' is unknown") }
    }

    func run() throws {
        guard let password = readLine(strippingNewline: true) else {
            throw ValidationError("the password is expected as one line on standard input")
        }
        do {
            try AccountsFile(dataDirectory: data).add(
                login: login, name: name ?? login, company: company, role: AccountRole(rawValue: role) ?? .viewer,
                password: Secret(password))
        } catch {
            FileHandleOutput.standardError("vendorcloud: \(error)\n")
            throw ExitCode.failure
        }
    }
}
