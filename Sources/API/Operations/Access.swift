/// A kind of thing that a token may be allowed to do.
///
/// `read`, `append` and `write` stand beside each other: who may append may not read what others
/// did. `admin` holds the three, since whoever makes tokens could give them to itself.
package enum Scope: String, CaseIterable, Sendable {
    case read, append, write, admin
}

/// What an operation asks of the token that a request carries.
package struct Access: Sendable {
    /// A scope that some requests need besides, by what is in them.
    package struct More: Sendable {
        package let scope: Scope
        /// When it is needed, as the end of a sentence: `for a change of the page`.
        package let when: String
    }

    /// nil: everybody may, without a token.
    package let scope: Scope?
    package let more: More?
    /// Whether the token has to cover all resources.
    package let isForAll: Bool

    private init(_ scope: Scope?, more: More? = nil, isForAll: Bool = false) {
        self.scope = scope
        self.more = more
        self.isForAll = isForAll
    }

    /// Everybody may.
    static let open = Access(nil)
    static let read = Access(.read)
    static let append = Access(.append)
    static let write = Access(.write)
    static let admin = Access(.admin)
    /// An administrator of everything may.
    static let adminOfAll = Access(.admin, isForAll: true)

    /// Reading may, and for some requests more is needed.
    static func read(or scope: Scope, _ when: String) -> Access {
        Access(.read, more: More(scope: scope, when: when))
    }

    /// Appending may, and for some requests more is needed.
    static func append(or scope: Scope, _ when: String) -> Access {
        Access(.append, more: More(scope: scope, when: when))
    }

    /// What the contract says of it; nil if everybody may.
    package var text: String? {
        guard let scope else { return nil }
        let besides = more.map { ", or \($0.scope.rawValue) \($0.when)" } ?? ""
        return "Needs the scope \(scope.rawValue)\(besides)"
            + (isForAll ? ", for all resources." : ".")
    }
}
