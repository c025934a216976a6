package import CloudCore
import CloudWire
import Glibc
import OpenSSLCrypto
package import Primitives

/// The companies and accounts on disk, `DATA/accounts.json`, mode 0600: of passwords only slow hashes.
package struct AccountsFile: Sendable {
    private let path: String

    private struct File: Codable {
        struct CompanyItem: Codable {
            var id: String
            var name: String
        }
        struct AccountItem: Codable {
            var login: String
            var name: String
            var company: String
            var role: String
            var verifier: String
        }
        var companies: [CompanyItem]
        var accounts: [AccountItem]
    }

    package init(dataDirectory: String) { path = "\(dataDirectory)/accounts.json" }

    func load(limits: CloudLimits) throws(VendorCloudError) -> AccountBook {
        guard ServerFiles.exists(path) else { return AccountBook(limits: limits) }
        do {
            let bytes = try ServerFiles.read(path)
            let file = try WireJSON.decode(File.self, from: bytes, limit: .max, what: "accounts")
            return AccountBook(
                companies: file.companies.map { Company(id: $0.id, name: $0.name) },
                accounts: try file.accounts.map { item in
                    guard let role = AccountRole(rawValue: item.role) else {
                        throw CloudRefusal.invalid(what: "account \(item.login)", reason: "role '\(item.role)'")
                    }
                    return Account(
                        login: item.login, name: item.name, company: item.company, role: role, verifier: item.verifier)
                }, limits: limits)
        } catch {
            throw .file(path: path, reason: "\(error)")
        }
    }

    func save(_ book: AccountBook) throws {
        let file = File(
            companies: book.companies.map { File.CompanyItem(id: $0.id, name: $0.name) },
            accounts: book.accounts.map {
                File.AccountItem(
                    login: $0.login, name: $0.name, company: $0.company, role: $0.role.rawValue, verifier: $0.verifier)
            })
        try ServerFiles.replace(path, with: try WireJSON.encode(file, what: "accounts"))
    }

    /// For the operator, while no cloud runs on this directory: a new account, and its company when there is none of that
    /// name. Throws a text that says what to try. Blocks for the slow hash of the password.
    package func add(
        login: String, name: String, company: String, role: AccountRole, password: Secret
    ) throws {
        try AccountBook.check(password: password)
        try add(login: login, name: name, company: company, role: role, verifier: PasswordVerifier(of: password).text)
    }

    /// The same with what `PasswordVerifier` made of the password.
    package func add(login: String, name: String, company: String, role: AccountRole, verifier: String) throws {
        if let slash = path.lastIndex(of: "/") { try ServerFiles.makeDirectory(String(path[..<slash])) }
        let lock = try lock()
        defer { close(lock) }
        var book = try load(limits: CloudLimits())
        var entropy = Entropy(SystemEntropyGenerator())
        let company = try book.company(named: company, entropy: &entropy)
        try book.add(Account(login: login, name: name, company: company.id, role: role, verifier: verifier))
        try save(book)
    }

    /// Holds off others while the descriptor is open: a running cloud has the accounts in memory, and would write over
    /// what another program adds.
    func lock() throws(VendorCloudError) -> Int32 {
        let descriptor = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .file(path: path + ".lock", reason: String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .file(path: path, reason: "a running vendor cloud has it; use its page, or end it first")
        }
        return descriptor
    }
}
