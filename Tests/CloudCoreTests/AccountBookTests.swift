import CloudCore
import Primitives
import Testing

@Suite struct AccountBookTests {
    private func book(_ limits: CloudLimits = CloudLimits()) throws -> (book: AccountBook, company: String) {
        var book = AccountBook(limits: limits)
        var entropy = Entropy(SeededGenerator(seed: 1))
        let company = try book.company(named: "Acme", entropy: &entropy).id
        try book.add(account("ada", company))
        return (book, company)
    }

    private func account(_ login: String, _ company: String, role: AccountRole = .owner) -> Account {
        Account(login: login, name: "Somebody", company: company, role: role, verifier: "v")
    }

    @Test func `a login is unique in the whole cloud, whatever its case`() throws {
        var (book, company) = try book()
        var entropy = Entropy(SeededGenerator(seed: 2))
        let other = try book.company(named: "Other", entropy: &entropy).id
        #expect(throws: CloudRefusal.alreadyExists(what: "login ada")) { try book.add(account("ADA", other)) }
        try book.add(account("Bob", other))
        #expect(book.account(login: "BOB")?.login == "bob")
        #expect(book.accounts(company: company).map(\.login) == ["ada"])
        #expect(try book.company(named: "Acme", entropy: &entropy).id == company)
    }

    @Test func `a company keeps an owner`() throws {
        var (book, company) = try book()
        #expect(throws: CloudRefusal.self) { try book.remove(login: "ada", company: company) }
        #expect(throws: CloudRefusal.self) { try book.setRole(.viewer, of: "ada", company: company) }
        try book.add(account("bob", company, role: .technician))
        #expect(throws: CloudRefusal.self) { try book.remove(login: "ada", company: company) }
        try book.setRole(.owner, of: "bob", company: company)
        try book.remove(login: "ada", company: company)
        #expect(book.accounts.map(\.login) == ["bob"])
    }

    @Test func `nobody reaches an account of another company`() throws {
        var (book, _) = try book()
        var entropy = Entropy(SeededGenerator(seed: 2))
        let other = try book.company(named: "Other", entropy: &entropy).id
        #expect(throws: CloudRefusal.notFound(what: "account ada")) { try book.remove(login: "ada", company: other) }
        #expect(throws: CloudRefusal.notFound(what: "account ada")) {
            try book.setVerifier("mine", of: "ada", company: other)
        }
        #expect(throws: CloudRefusal.notFound(what: "account ada")) {
            try book.setRole(.owner, of: "ada", company: other)
        }
        #expect(book.account(login: "ada")?.verifier == "v")
    }

    @Test func `companies and accounts have limits`() throws {
        var limits = CloudLimits()
        (limits.companies, limits.accountsPerCompany) = (1, 1)
        var (book, company) = try book(limits)
        var entropy = Entropy(SeededGenerator(seed: 2))
        #expect(throws: CloudRefusal.tooMany(what: "companies", limit: 1)) {
            try book.company(named: "Other", entropy: &entropy)
        }
        #expect(throws: CloudRefusal.tooMany(what: "accounts of a company", limit: 1)) {
            try book.add(account("bob", company))
        }
    }

    @Test(arguments: ["", "a b", "a/b", ".a", String(repeating: "a", count: 65), "jörg"])
    func `strange logins are refused`(login: String) throws {
        var (book, company) = try book()
        #expect(throws: CloudRefusal.self) { try book.add(account(login, company)) }
    }

    @Test(arguments: [
        ("elevenchars", false), ("twelve chars", true), ("zwölf Zeichen", true),
        (String(repeating: "x", count: 257), false),
        (String(repeating: "x", count: 256), true), ("", false),
    ])
    func `passwords have a length`(password: String, isGood: Bool) {
        #expect(((try? AccountBook.check(password: Secret(password))) != nil) == isGood)
    }

    @Test func `roles are nested: what a viewer may, a technician may, and an owner may all`() {
        #expect(AccountRole.viewer.rights.isSubset(of: AccountRole.technician.rights))
        #expect(AccountRole.technician.rights.isSubset(of: AccountRole.owner.rights))
        #expect(AccountRole.owner.rights.count == AccountRight.allCases.count)
        #expect(!AccountRole.viewer.rights.contains(.readCallData))
        #expect(!AccountRole.technician.rights.contains(.manageAccounts))
    }
}
