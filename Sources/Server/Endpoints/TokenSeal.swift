/// The last part of a token, which shows that nobody changed the rest.
enum TokenSeal {
    /// FNV-1a: guards against slips, not against forgery, which would gain nothing.
    static func code(of text: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash & 0xFFFF_FFFF, radix: 36)
    }

    /// The parts of a token whose seal is whole, the seal left out; nil if it is not.
    static func parts(of token: String, count: Int) -> [Substring]? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == count + 1,
            parts[count] == code(of: parts[..<count].joined(separator: "."))
        else { return nil }
        return Array(parts[..<count])
    }
}
