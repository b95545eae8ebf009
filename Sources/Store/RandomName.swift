/// Names that nobody guesses.
package enum RandomName {
    /// The prefix, an underscore and 32 hexadecimal digits.
    ///
    /// - Parameter holder: whose it is, which its last digits tell to those who know him.
    static func lease(_ prefix: String, of holder: String) -> String {
        let start = prefix + "_" + (0..<3).map { _ in digits() }.joined()
        return start + mark(of: start, holder)
    }

    /// Whether a lease was made for that holder.
    package static func isLease(_ name: String, of holder: String) -> Bool {
        let start = String(name.dropLast(8))
        return name == start + mark(of: start, holder)
    }

    /// FNV-1a: holders have no say in their names, nor in those of leases.
    private static func mark(of start: String, _ holder: String) -> String {
        var hash: UInt32 = 0x811C_9DC5
        for byte in (start + "/" + holder).utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return digits(hash)
    }

    /// Eight hexadecimal digits.
    static func digits() -> String { digits(UInt32.random(in: .min ... .max)) }

    private static func digits(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}
