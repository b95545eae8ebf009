import CZstd
import Glibc

/// Makes pages shorter by zstd, and fills what that leaves with zeros.
///
/// ```
/// 0  4 bytes: "TMZ1"
/// 4  4 bytes, little-endian: how long the frame is; 0 if the page stands there as it is
/// 8  the frame, or the page less its last 8 bytes
/// ```
enum PageCompressor {
    /// Bytes at the end of a page that are not kept.
    static let room = 8

    private static let magic = UInt32(littleEndian: 0x315A_4D54)
    private static let level: Int32 = 3

    static func pack(_ page: UnsafeMutableRawBufferPointer) -> Int32 {
        let body = UnsafeRawBufferPointer(rebasing: page[..<(page.count - room)])
        let length = withUnsafeTemporaryAllocation(byteCount: body.count, alignment: 8) { packed in
            let length = ZSTD_compress(
                packed.baseAddress, packed.count, body.baseAddress, body.count, level)
            // What does not get shorter has no room, which is no error.
            guard ZSTD_isError(length) == 0, length < body.count, let base = page.baseAddress,
                let frame = packed.baseAddress
            else { return 0 }
            memcpy(base + room, frame, length)
            memset(base + room + length, 0, body.count - length)
            return length
        }
        if length == 0, let base = page.baseAddress { memmove(base + room, base, body.count) }
        page.storeBytes(of: magic, as: UInt32.self)
        page.storeBytes(of: UInt32(length).littleEndian, toByteOffset: 4, as: UInt32.self)
        return 0
    }

    /// EIO if that is not what `pack` has made.
    static func unpack(_ page: UnsafeMutableRawBufferPointer) -> Int32 {
        let count = page.count - room
        let length = Int(
            UInt32(littleEndian: page.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        guard page.loadUnaligned(as: UInt32.self) == magic, length <= count,
            let base = page.baseAddress
        else { return EIO }
        if length == 0 {
            memmove(base, base + room, count)
        } else {
            let isWhole = withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { body in
                let made = ZSTD_decompress(body.baseAddress, body.count, base + room, length)
                guard made == count, let bytes = body.baseAddress else { return false }
                memcpy(base, bytes, count)
                return true
            }
            guard isWhole else { return EIO }
        }
        memset(base + count, 0, room)
        return 0
    }
}
