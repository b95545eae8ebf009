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
        return "\(start).\(TokenSeal.code(of: start))"
    }

    /// - Throws: `bad_token`.
    init(text: String) throws(Problem) {
        guard let parts = TokenSeal.parts(of: text, count: 4), parts[0] == "p1",
            let generation = Int(parts[2]), let position = Int(parts[3]), position >= 0
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
}
