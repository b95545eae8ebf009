import API
import Store
import Synchronization

/// What a token may do, as its maker said it.
struct TokenGrant: Equatable, Sendable {
    var scopes: [Scope]
    var patterns = [ResourcePattern.everything]
    /// Milliseconds since 1970; nil for never.
    var expiresAt: Int?
    var rate: TokenRate?
    /// No resource is made beyond so many.
    var resourceQuota: Int?
    /// Its resources take no more bytes on disk.
    var byteQuota: Int?
    var note: String?

    /// Whether it may make other tokens.
    var isAdminOfAll: Bool { scopes.contains(.admin) && coversEverything }
    var coversEverything: Bool { patterns.contains(where: \.coversEverything) }
}

/// A token that the service knows: what it may do, and the digest of its secret.
final class AccessToken: Sendable {
    let id: String
    /// SHA-256 of the text that clients send.
    let digest: [UInt8]
    /// Milliseconds since 1970.
    let createdAt: Int
    let grant: TokenGrant
    let limiter: RateLimiter?
    let byteQuota: ByteQuota?
    private let isRevoked = Atomic(false)
    /// Resources that are being made with it now.
    let resourcesUnderWay = Atomic(0)

    init(id: String, digest: [UInt8], createdAt: Int, grant: TokenGrant) {
        self.id = id
        self.digest = digest
        self.createdAt = createdAt
        self.grant = grant
        limiter = grant.rate.map(RateLimiter.init)
        byteQuota = grant.byteQuota.map(ByteQuota.init)
    }

    /// From now on nothing may be done with it.
    func revoke() { isRevoked.store(true, ordering: .relaxed) }

    var hasExpired: Bool { grant.expiresAt.map { $0 <= WallClock.nowMilliseconds } ?? false }

    /// Whether what it began may go on.
    var holds: Bool { !isRevoked.load(ordering: .relaxed) && !hasExpired }

    func may(_ scope: Scope) -> Bool {
        grant.scopes.contains(scope) || grant.scopes.contains(.admin)
    }

    func covers(_ kind: String, _ name: String) -> Bool {
        grant.patterns.contains { $0.covers(kind, name) }
    }

    func covers(path: String) -> Bool { grant.patterns.contains { $0.covers(path: path) } }
}
