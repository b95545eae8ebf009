/// Names that nobody can guess, and that are never given twice.
enum RandomName {
    /// The prefix, an underscore and 32 hexadecimal digits.
    static func lease(_ prefix: String) -> String {
        prefix + "_" + (0..<4).map { _ in digits() }.joined()
    }

    /// Eight hexadecimal digits.
    static func digits() -> String {
        let digits = String(UInt32.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}
