import CloudCore
import Hummingbird
import Primitives

/// Logging in and out, and the accounts of the own company.
extension WebAPI {
    /// `POST /api/session`. What is forgotten after the request is not logged anywhere.
    private struct LogIn: Codable {
        var login: String
        var password: String
    }

    private struct SessionBody: Codable {
        var login: String
        var name: String
        var company: String
        var role: String
        var rights: [String]

        init(_ principal: Accounts.Principal) {
            login = principal.account.login
            name = principal.account.name
            company = principal.company.name
            role = principal.account.role.rawValue
            rights = principal.account.role.rights.map(\.rawValue).sorted()
        }
    }

    private struct AccountList: Codable {
        struct Item: Codable {
            var login: String
            var name: String
            var role: String
        }
        var accounts: [Item]
    }

    private struct NewAccount: Codable {
        var login: String
        var name: String
        var role: String
        var password: String
    }

    private struct NewRole: Codable { var role: String }

    private struct NewPassword: Codable {
        var current: String
        var new: String
    }

    func addAccountRoutes(to router: Router<PeerContext>) {
        router.post("/api/session") { request, _ in
            let body = try await json(LogIn.self, of: request, what: "log-in")
            let (token, principal) = try await accounts.logIn(login: body.login, password: Secret(body.password))
            var response = try Response.json(SessionBody(principal))
            response.headers[.setCookie] = Accounts.cookie(token)
            return response
        }
        router.get("/api/session") { request, _ in
            try Response.json(SessionBody(try await accounts.principal(of: request)))
        }
        router.delete("/api/session") { request, _ in
            await accounts.logOut(request)
            return Response(status: .noContent, headers: [.setCookie: Accounts.noCookie])
        }
        router.put("/api/session/password") { request, _ in
            let principal = try await accounts.principal(of: request)
            let body = try await json(NewPassword.self, of: request, what: "password")
            try await accounts.setPassword(Secret(body.new), current: Secret(body.current), of: principal)
            return Response(status: .noContent, headers: [.setCookie: Accounts.noCookie])
        }
        router.get("/api/accounts") { request, _ in
            let principal = try await accounts.principal(of: request, having: .manageAccounts)
            let items = await accounts.colleagues(of: principal).map {
                AccountList.Item(login: $0.login, name: $0.name, role: $0.role.rawValue)
            }
            return try Response.json(AccountList(accounts: items))
        }
        router.post("/api/accounts") { request, _ in try await addAccount(request) }
        router.put("/api/accounts/:login/role") { request, context in
            let principal = try await accounts.principal(of: request, having: .manageAccounts)
            let body = try await json(NewRole.self, of: request, what: "role")
            let login = try context.parameters.require("login")
            try await accounts.setRole(try Self.role(body.role), of: login, by: principal)
            return Response.noContent
        }
        router.delete("/api/accounts/:login") { request, context in
            let principal = try await accounts.principal(of: request, having: .manageAccounts)
            try await accounts.remove(login: try context.parameters.require("login"), by: principal)
            return Response.noContent
        }
    }

    private func addAccount(_ request: Request) async throws -> Response {
        let principal = try await accounts.principal(of: request, having: .manageAccounts)
        let body = try await json(NewAccount.self, of: request, what: "account")
        try await accounts.add(
            login: body.login, name: body.name, role: try Self.role(body.role), password: Secret(body.password),
            by: principal)
        let item = AccountList.Item(login: body.login.lowercased(), name: body.name, role: body.role)
        return try .json(item, status: .created)
    }

    private static func role(_ text: String) throws(CloudRefusal) -> AccountRole {
        guard let role = AccountRole(rawValue: text) else {
            let known = AccountRole.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid(what: "role", reason: "one of \(known)")
        }
        return role
    }
}
