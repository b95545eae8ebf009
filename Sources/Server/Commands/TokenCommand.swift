import API
import ArgumentParser
import Glibc
import Store

/// The command `tidemark token`.
struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make, list and take back the tokens that requests need.",
        discussion: """
            Works on the data directory; while a server uses that, the server is asked instead, \
            which has noted there where it listens, with the token of an administrator in \
            TIDEMARK_TOKEN once there are tokens.
            """,
        subcommands: [CreateToken.self, ListTokens.self, DeleteToken.self])
}

/// Makes a token and prints its secret, and nothing else, to standard output.
struct CreateToken: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a token and print its secret, this once.",
        usage:
            "tidemark token create [--scope SCOPE ...] [--resource PATTERN ...] [--SETTING VALUE ...]"
    )

    @Option(help: "read, append, write or admin, which holds the others; admin unless given.")
    var scope: [String] = []
    @Option(help: "What it covers: * or a kind and a name, as logs/app-*; * unless given.")
    var resource: [String] = []
    @Option(help: "When it ends: 2030-01-31T00:00:00Z, or a number of days: 90d.")
    var expires: String?
    @Option(help: "Requests per second.")
    var rate: Int?
    @Option(help: "Requests at once.")
    var burst: Int?
    @Option(help: "Resources that it may cover before it may make no more.")
    var maxResources: Int?
    @Option(help: "Bytes that what it covers may take on disk.")
    var maxBytes: Int?
    @Option(help: "What it is for.")
    var note: String?
    @Argument(parsing: .allUnrecognized, help: .hidden)
    var arguments: [String] = []

    func run() throws {
        let request = try request
        let answer = try TokenCommand.run(arguments) { tokens throws(Problem) in
            var object = try JSONObject(try JSONDocument(request.bytes, depth: 8).root)
            let grant = try TokenGrant(&object)
            try object.finish()
            try tokens.requireAdmin(grant)
            let (token, text) = try tokens.make(grant)
            return token.json(with: [.init(name: "token", value: .string(text))]).bytes
        } ask: {
            $0.ask("POST", "/v1/tokens", body: request.bytes, token: $1)
        }
        var object = try JSONObject(try JSONDocument(answer, depth: 8).root)
        try printLine(try object.string("token") ?? "")
    }

    private var request: JSONValue {
        get throws {
            var members: [JSONValue.Member] = [
                .init(
                    name: "scope",
                    value: .array((scope.isEmpty ? ["admin"] : scope).map(JSONValue.string))),
                .init(
                    name: "resources",
                    value: .array((resource.isEmpty ? ["*"] : resource).map(JSONValue.string))),
            ]
            if let expires {
                members.append(.init(name: "expires_at", value: .string(try Self.end(expires))))
            }
            if let rate {
                var value: JSONValue = ["requests_per_second": .integer(rate)]
                if let burst { value = value.with("burst", .integer(burst)) }
                members.append(.init(name: "rate", value: value))
            } else if burst != nil {
                throw ValidationError("--burst belongs to --rate")
            }
            let quotas = [("resources", maxResources), ("bytes", maxBytes)].compactMap {
                name, most in
                most.map { JSONValue.Member(name: name, value: .integer($0)) }
            }
            if !quotas.isEmpty { members.append(.init(name: "quotas", value: .object(quotas))) }
            if let note { members.append(.init(name: "note", value: .string(note))) }
            return .object(members)
        }
    }

    /// A time as it is, or so many days from now.
    private static func end(_ expires: String) throws -> String {
        guard expires.hasSuffix("d"), let days = Int(expires.dropLast()) else { return expires }
        guard (0...mostDays).contains(days) else {
            throw ValidationError("--expires is a time, or a number of days up to \(mostDays)d")
        }
        return WallClock.text(ofSeconds: time(nil) + days * 86_400)
    }

    private static let mostDays = 1_000_000
}

/// Prints a line for each token.
struct ListTokens: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Print all tokens, a line of JSON each, without secrets.",
        usage: "tidemark token list [--SETTING VALUE ...]")

    @Argument(parsing: .allUnrecognized, help: .hidden)
    var arguments: [String] = []

    func run() throws {
        let answer = try TokenCommand.run(arguments) { tokens throws(Problem) in
            JSONValue.object([
                .init(name: "tokens", value: .array(tokens.all.map { $0.json() }))
            ]).bytes
        } ask: {
            $0.ask("GET", "/v1/tokens", token: $1)
        }
        var object = try JSONObject(try JSONDocument(answer, depth: 16).root)
        for node in try object.elements("tokens") ?? [] {
            var writer = JSONWriter()
            try node.writeCompact(to: &writer)
            try printLine(String(decoding: writer.bytes, as: UTF8.self))
        }
    }
}

/// Takes a token back.
struct DeleteToken: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Take a token back, by its id.",
        usage: "tidemark token delete ID [--SETTING VALUE ...]")

    @Argument(help: "The id, which stands in the secret behind tm_.")
    var id: String
    @Argument(parsing: .allUnrecognized, help: .hidden)
    var arguments: [String] = []

    func run() throws {
        guard id.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x32...0x37).contains($0) })
        else {
            throw ValidationError("\(id) is not the id of a token")
        }
        _ = try TokenCommand.run(arguments) { tokens throws(Problem) in
            try tokens.remove(id)
            return []
        } ask: {
            $0.ask("DELETE", "/v1/tokens/\(id)", token: $1)
        }
    }
}

/// Does something with the tokens: in the data directory, or through the server that uses it.
enum TokenCommand {
    static func run(
        _ arguments: [String], _ body: (Tokens) throws(Problem) -> [UInt8],
        ask: (LocalServer, _ token: String?) -> LocalServer.Outcome
    ) throws -> [UInt8] {
        let settings: Settings
        do throws(StartFailure) {
            settings = try SettingSources(arguments: arguments).settings
        } catch {
            throw ValidationError(error.text)
        }
        let directory: DataDirectory
        do throws(StoreError) {
            directory = try DataDirectory(path: settings.dataDirectory)
        } catch {
            guard case .locked = error else { throw failure(Problem(error).detail) }
            let server = try server(settings)
            return try answer(
                of: ask(server, getenv("TIDEMARK_TOKEN").map { String(cString: $0) }), settings)
        }
        do {
            return try body(try Tokens(in: directory))
        } catch let problem as Problem {
            throw failure(problem.detail)
        } catch let start as StartFailure {
            throw failure(start.text)
        }
    }

    /// The server that uses the data directory: nobody else may get a request, nor the token in it.
    private static func server(_ settings: Settings) throws -> LocalServer {
        let start = "a server uses the data directory \(settings.dataDirectory)"
        guard let note = DataDirectory.server(of: settings.dataDirectory) else {
            throw failure("\(start) and has not said where it listens: try again, or stop it")
        }
        let server = LocalServer(
            host: note.host, port: note.port,
            certificate: settings.certificate.isEmpty ? note.certificate : settings.certificate)
        switch server.ask("GET", "/healthz") {
        case .answer(_, note.instance, _): return server
        case .answer:
            throw failure("\(start), but another one answers at \(note.host) port \(note.port)")
        case let outcome:
            _ = try answer(of: outcome, settings)
            return server
        }
    }

    private static func answer(
        of outcome: LocalServer.Outcome, _ settings: Settings
    ) throws -> [UInt8] {
        let start = "a server uses the data directory \(settings.dataDirectory)"
        switch outcome {
        case .answer(401, _, _):
            throw failure("\(start): put the token of an administrator into TIDEMARK_TOKEN")
        case .answer(let status, _, let body) where status < 300: return body
        case .answer(let status, _, let body):
            var object = try? JSONObject(try JSONDocument(body, depth: 8).root)
            let detail = try? object?.string("detail")
            throw failure("\(start) and refuses: \(detail ?? "HTTP status \(status)")")
        case .certificateWanted:
            throw failure("\(start) and wants a client's certificate: POST /v1/tokens with one")
        case .failed(let text):
            throw failure(
                "\(start), but \(text): run this command where the server runs, or stop it")
        }
    }

    private static func failure(_ text: String) -> CleanExitWithFailure {
        CleanExitWithFailure(description: text)
    }
}

/// What the command line says before it exits with 1.
struct CleanExitWithFailure: Error, CustomStringConvertible {
    let description: String
}
