/// What a pool of the service is opened with; nil for what was not given.
package struct MPoolSettings: Equatable, Sendable {
    package var cacheSize: Int?
    package var mmapSize: Int?
    package var mode: UInt32?
    package var isPrivate: Bool?
    package var create: Bool?
    package var noMmap: Bool?
    package var logging: Bool?
    package var journal: String?
    package var maxPinnedPercent: Int?
    package var policy: ReplacementPolicy?

    package init() {}

    package static let defaultPinnedPercent = 80

    func options() throws(StoreError) -> MPoolOptions {
        try Self.check(maxPinnedPercent: maxPinnedPercent)
        var options = MPoolOptions()
        options.cacheSize = cacheSize ?? options.cacheSize
        options.mmapSize = mmapSize ?? options.mmapSize
        options.mode = mode ?? options.mode
        options.isPrivate = isPrivate ?? false
        options.create = create ?? true
        options.noMmap = noMmap ?? false
        options.policy = policy ?? .lru
        options.log = logging == true ? .external : .none
        try MPoolOptions.check(cacheSize: options.cacheSize)
        return options
    }

    static func check(maxPinnedPercent: Int?) throws(StoreError) {
        guard (1...100).contains(maxPinnedPercent ?? 1) else {
            throw .badArgument(option: "max_pinned_pct", detail: "max_pinned_pct is 1 to 100")
        }
    }

    /// - Throws: `.argumentMismatch` for the first option that is given and differs.
    func check(against settings: MPoolSettings) throws(StoreError) {
        func text(_ value: (some Any)?) -> String? { value.map { "\($0)" } }
        let pairs: [(String, String?, String?)] = [
            ("cachesize", text(settings.cacheSize), text(cacheSize)),
            ("mmapsize", text(settings.mmapSize), text(mmapSize)),
            ("private", text(settings.isPrivate), text(isPrivate)),
            ("nommap", text(settings.noMmap), text(noMmap)),
            ("logging", text(settings.logging), text(logging)),
            ("journal", settings.journal, journal),
            ("max_pinned_pct", text(settings.maxPinnedPercent), text(maxPinnedPercent)),
            ("policy", settings.policy?.rawValue, policy?.rawValue),
        ]
        for (option, known, given) in pairs {
            guard let given, given != known else { continue }
            throw .argumentMismatch(option: option, expected: known ?? "null", actual: given)
        }
    }
}
