package import Primitives

/// The companies and accounts of the Control Center.
///
/// A company always keeps an owner; nobody sees or changes an account of another company. Pure: hashing passwords is the
/// shell's, which hands verifiers in.
package struct AccountBook: Sendable, Equatable {
    /// A password has at least this many characters (NIST SP 800-63B section 3.1.1.2), and at most so many bytes.
    package static let passwordCharacters = 12
    package static let passwordBytes = 256

    package private(set) var companies: [Company]
    package private(set) var accounts: [Account]
    private let limits: CloudLimits

    package init(companies: [Company] = [], accounts: [Account] = [], limits: CloudLimits = CloudLimits()) {
        self.companies = companies
        self.accounts = accounts
        self.limits = limits
    }

    package static func == (left: Self, right: Self) -> Bool {
        left.companies == right.companies && left.accounts == right.accounts
    }

    package func account(login: String) -> Account? {
        let login = login.lowercased()
        return accounts.first { $0.login == login }
    }

    package func company(id: String) -> Company? { companies.first { $0.id == id } }

    /// In the order in which they were made.
    package func accounts(company: String) -> [Account] { accounts.filter { $0.company == company } }

    /// The company of that name, made when there is none. Only the cloud's operator does this.
    package mutating func company(named name: String, entropy: inout Entropy) throws(CloudRefusal) -> Company {
        if let known = companies.first(where: { $0.name == name }) { return known }
        try check(name: name, what: "company")
        guard companies.count < limits.companies else { throw .tooMany(what: "companies", limit: limits.companies) }
        let company = Company(id: entropy.hexToken(bytes: 8), name: name)
        companies.append(company)
        return company
    }

    package mutating func add(_ account: Account) throws(CloudRefusal) {
        var account = account
        account.login = account.login.lowercased()
        guard CloudNames.isIdentifier(account.login, limit: limits.loginBytes) else {
            throw .invalid(what: "login", reason: "letters, digits, '.', '-', '_', at most \(limits.loginBytes)")
        }
        try check(name: account.name, what: "name")
        guard company(id: account.company) != nil else { throw .notFound(what: "such company") }
        guard self.account(login: account.login) == nil else { throw .alreadyExists(what: "login \(account.login)") }
        let colleagues = accounts(company: account.company).count
        guard colleagues < limits.accountsPerCompany else {
            throw .tooMany(what: "accounts of a company", limit: limits.accountsPerCompany)
        }
        accounts.append(account)
    }

    /// Final. `company` is that of whoever asks.
    package mutating func remove(login: String, company: String) throws(CloudRefusal) {
        let position = try index(of: login, company: company)
        try keepOwner(without: position)
        accounts.remove(at: position)
    }

    package mutating func setRole(_ role: AccountRole, of login: String, company: String) throws(CloudRefusal) {
        let position = try index(of: login, company: company)
        if role != .owner { try keepOwner(without: position) }
        accounts[position].role = role
    }

    package mutating func setVerifier(_ verifier: String, of login: String, company: String) throws(CloudRefusal) {
        accounts[try index(of: login, company: company)].verifier = verifier
    }

    /// Before a password is hashed.
    package static func check(password: Secret) throws(CloudRefusal) {
        let characters = password.withBytes { String(decoding: $0, as: UTF8.self).count }
        guard characters >= passwordCharacters, password.count <= passwordBytes else {
            throw .invalid(
                what: "password", reason: "\(passwordCharacters) characters or more, at most \(passwordBytes) bytes")
        }
    }

    private func index(of login: String, company: String) throws(CloudRefusal) -> Int {
        let login = login.lowercased()
        guard let position = accounts.firstIndex(where: { $0.login == login && $0.company == company }) else {
            throw .notFound(what: "account \(login)")
        }
        return position
    }

    private func keepOwner(without position: Int) throws(CloudRefusal) {
        let account = accounts[position]
        guard account.role == .owner else { return }
        let owners = accounts(company: account.company).count { $0.role == .owner }
        guard owners > 1 else {
            throw .invalid(what: "change", reason: "a company keeps at least one owner; name another one first")
        }
    }

    private func check(name: String, what: String) throws(CloudRefusal) {
        guard CloudNames.isDisplayName(name, limit: limits.nameBytes) else {
            throw .invalid(what: what, reason: "1 to \(limits.nameBytes) bytes without control characters")
        }
    }
}
