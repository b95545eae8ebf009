import Glibc

/// The seed of a randomized test: TIDEMARK_SEED, or one that the failure message tells.
package enum Seed {
    package static var current: UInt64 {
        getenv("TIDEMARK_SEED").flatMap { UInt64(String(cString: $0)) }
            ?? UInt64.random(in: .min ... .max)
    }
}

/// How much a randomized test does: a variable, or else what fits into every run.
package func size(_ variable: String, quick: Int) -> Int {
    getenv("TIDEMARK_" + variable).flatMap { Int(String(cString: $0)) } ?? quick
}

/// The generator splitmix64.
package struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
