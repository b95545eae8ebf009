import CCRC32C

/// CRC32C (Castagnoli): polynomial 0x82F63B78 reflected, initial value and final xor of all ones.
package struct CRC32C: Sendable {
    /// The checksum of all bytes so far.
    package private(set) var value: UInt32 = 0

    package init() {}

    /// Takes in more bytes.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        value = ccrc32c(value, bytes.baseAddress, UInt(bytes.count))
    }

    /// The checksum of the bytes.
    package static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        ccrc32c(0, bytes.baseAddress, UInt(bytes.count))
    }
}
