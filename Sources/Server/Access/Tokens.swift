import API
import Store
import Synchronization

/// The tokens of a data directory, in memory and on disk.
final class Tokens: Sendable {
    /// Why a request was turned away.
    enum Refusal: String, CaseIterable {
        case missing, malformed, unknown, expired, forbidden, hidden
    }

    private static let most = 10_000

    private let directory: DataDirectory
    private let byID: Locked<[String: AccessToken]>
    /// Who changes the file; a flag to wait for, since a lock is not held over I/O.
    private let isBeingChanged = Locked(false)
    private let hasTokens: Atomic<Bool>
    private let limited: Locked<[AccessToken]>

    init(in directory: DataDirectory) throws(StartFailure) {
        let tokens = try TokenFile.read(in: directory)
        self.directory = directory
        byID = Locked(Dictionary(tokens.map { ($0.id, $0) }) { $1 })
        hasTokens = Atomic(!tokens.isEmpty)
        limited = Locked(tokens.filter { $0.byteQuota != nil })
    }

    /// Whether requests need a token.
    ///
    /// Once they do, they do until the service ends: taking the last one back opens nothing.
    var isNeeded: Bool { hasTokens.load(ordering: .acquiring) }

    var all: [AccessToken] {
        byID.withLock { Array($0.values) }.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    /// Those whose resources may take only so many bytes.
    var withByteQuotas: [AccessToken] { isNeeded ? limited.withLock { $0 } : [] }

    func find(_ id: String) -> AccessToken? { byID.withLock { $0[id] } }

    /// The token that a client has shown; nil for an unknown one, found out in the same time.
    func verify(_ text: Substring) -> (token: AccessToken?, refusal: Refusal) {
        guard let id = TokenSecret.id(in: text), let digest = TokenSecret.digest(of: text) else {
            return (nil, .malformed)
        }
        let token = find(id)
        let isSame = TokenSecret.isSame(digest, token?.digest ?? Self.nothing)
        guard let token, isSame else { return (nil, .unknown) }
        return token.hasExpired ? (nil, .expired) : (token, .unknown)
    }

    private static let nothing = [UInt8](repeating: 0, count: 32)

    /// - Throws: `bad_parameter` for a first token that would shut everyone out.
    func requireAdmin(_ grant: TokenGrant) throws(Problem) {
        guard isNeeded || (grant.isAdminOfAll && grant.expiresAt == nil) else {
            throw Problem(
                .badParameter,
                "the first token must be able to make others: scope admin, resources *, no end",
                option: "scope")
        }
    }

    /// Makes a token and puts it on stable storage; waits for the disk.
    ///
    /// - Returns: the token, and the text to show once.
    func make(_ grant: TokenGrant) throws(Problem) -> (token: AccessToken, text: String) {
        let (id, text) = TokenSecret.make()
        guard let digest = TokenSecret.digest(of: Substring(text)) else {
            throw Problem(.overloaded, "there is no memory for a digest")
        }
        let token = AccessToken(
            id: id, digest: digest, createdAt: WallClock.nowMilliseconds, grant: grant)
        try change { tokens throws(Problem) in
            guard tokens.count < Self.most else {
                var problem = Problem(.rateLimited, "there are \(Self.most) tokens already")
                problem.add("limit", .integer(Self.most))
                throw problem
            }
            return tokens + [token]
        }
        return (token, text)
    }

    /// Takes a token back, durably; waits for the disk.
    func remove(_ id: String) throws(Problem) {
        var removed: AccessToken?
        try change { tokens throws(Problem) in
            guard let index = tokens.firstIndex(where: { $0.id == id }) else {
                throw .noSuchToken(id)
            }
            var left = tokens
            removed = left.remove(at: index)
            return left
        }
        removed?.revoke()
    }

    private func change(
        _ edit: ([AccessToken]) throws(Problem) -> [AccessToken]
    ) throws(Problem) {
        isBeingChanged.whenReady({ !$0 }) { $0 = true }
        defer {
            isBeingChanged.withLock { $0 = false }
            isBeingChanged.wakeOne()
        }
        let tokens = try edit(all)
        try TokenFile.write(tokens, in: directory)
        byID.withLock { $0 = Dictionary(tokens.map { ($0.id, $0) }) { $1 } }
        limited.withLock { $0 = tokens.filter { $0.byteQuota != nil } }
        if !tokens.isEmpty { hasTokens.store(true, ordering: .releasing) }
    }
}

extension Problem {
    static func noSuchToken(_ id: String) -> Problem {
        Problem(.noSuchToken, "there is no token \(id)")
    }
}
