/// An integer that does not fit into 64 bits.
package struct BigInteger: Hashable, Sendable {
    package let isNegative: Bool
    /// The magnitude, least significant byte first, without zeros at its end.
    package let magnitude: [UInt8]

    package init(isNegative: Bool, magnitude: some Collection<UInt8>) {
        self.isNegative = isNegative
        var magnitude = Array(magnitude)
        while magnitude.last == 0 { magnitude.removeLast() }
        self.magnitude = magnitude
    }
}
