import API
import Store

/// Where a walk of a pool goes on: opaque to clients, and good for this pool and generation only.
struct PoolToken: Sendable {
    let identity: String
    let generation: Int
    let position: Int

    init(identity: String, generation: Int, position: Int) {
        self.identity = identity
        self.generation = generation
        self.position = position
    }

    /// `p1.IDENTITY.GENERATION.POSITION.CODE`; the code shows that nobody changed the rest.
    var text: String {
        let start = "p1.\(identity).\(generation).\(position)"
        return "\(start).\(Self.code(of: start))"
    }

    /// - Throws: `bad_token`.
    init(text: String) throws(Problem) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == "p1", let generation = Int(parts[2]),
            let position = Int(parts[3]), position >= 0,
            parts[4] == Self.code(of: parts[..<4].joined(separator: "."))
        else { throw Problem(.badToken, "the token was changed, or is not one of a pool") }
        identity = String(parts[1])
        self.generation = generation
        self.position = position
    }

    /// - Throws: `bad_token` for another pool's, `position_gone` after a rewind.
    func check(against pool: PmemLog) throws(Problem) {
        guard identity == pool.identity else {
            throw Problem(.badToken, "the token is one of another pool")
        }
        guard generation == pool.view.generation else {
            throw Problem(StoreError.positionGone(oldest: 0))
        }
    }

    /// FNV-1a: guards against slips, not against forgery, which would gain nothing.
    private static func code(of text: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash & 0xFFFF_FFFF, radix: 36)
    }
}
