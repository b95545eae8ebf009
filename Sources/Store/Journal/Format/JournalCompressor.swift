import CSnappy
import CZlib

/// What large records are compressed with: nothing in a file names it, so that it must be known.
package enum JournalCompressor: String, CaseIterable, Sendable {
    case none, snappy, zlib

    /// Smaller records stay as they are.
    static let leastSize = 128
    /// No larger body is unpacked: more cannot be appended, give or take what a transaction adds.
    static let largestBody = (1 << 30) + (1 << 20)

    /// Whether any compressor can have made so few bytes of so many; zlib has the largest ratio.
    static func canPack(_ length: Int, in count: Int) -> Bool {
        length > 0 && length <= largestBody && length / Inflater.maximumRatio <= count
    }

    /// The compressed body, if that saves a block of the file.
    ///
    /// - Parameter length: of the record as it is, header included.
    func compress(_ body: [UInt8], ifShorterThan length: Int) -> [UInt8]? {
        guard self != .none, length >= Self.leastSize else { return nil }
        guard let packed = compress(body) else { return nil }
        let aligned = RecordHeader.aligned(RecordHeader.size + packed.count)
        return aligned < RecordHeader.aligned(length) ? packed : nil
    }

    private func compress(_ body: [UInt8]) -> [UInt8]? {
        switch self {
        case .none: nil
        case .snappy: Self.snappy(body)
        case .zlib: Self.zlib(body)
        }
    }

    /// The length of the block, then a raw block; the extension's form.
    private static func snappy(_ body: [UInt8]) -> [UInt8]? {
        var length = snappy_max_compressed_length(body.count)
        var packed = [UInt8](repeating: 0, count: 8 + length)
        let status = packed.withUnsafeMutableBytes { packed in
            body.withUnsafeBytes { body in
                snappy_compress(
                    body.baseAddress, body.count, packed.baseAddress.map { $0 + 8 }, &length)
            }
        }
        guard status == SNAPPY_OK else { return nil }
        packed.storeLittleEndian(UInt64(length), at: 0)
        packed.removeLast(packed.count - 8 - length)
        return packed
    }

    private static func zlib(_ body: [UInt8]) -> [UInt8]? {
        var length = compressBound(UInt(body.count))
        var packed = [UInt8](repeating: 0, count: Int(length))
        let status = packed.withUnsafeMutableBufferPointer { packed in
            body.withUnsafeBufferPointer { body in
                CZlib.compress(packed.baseAddress, &length, body.baseAddress, UInt(body.count))
            }
        }
        guard status == Z_OK else { return nil }
        packed.removeLast(packed.count - Int(length))
        return packed
    }

    /// The body that was compressed; nil if these bytes are none that this compressor made.
    ///
    /// - Parameter length: how many bytes that must be.
    func decompress(_ packed: UnsafeRawBufferPointer, length: Int) -> [UInt8]? {
        switch self {
        case .none: nil
        case .snappy: Self.unsnappy(packed, length)
        case .zlib: Inflater.inflate(packed, length: length)
        }
    }

    private static func unsnappy(_ packed: UnsafeRawBufferPointer, _ length: Int) -> [UInt8]? {
        guard packed.count >= 8 else { return nil }
        let count = UInt64(littleEndian: packed.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        guard count <= UInt64(packed.count - 8) else { return nil }
        let block = UnsafeRawBufferPointer(rebasing: packed[8..<8 + Int(count)])
        var size = 0
        guard snappy_uncompressed_length(block.baseAddress, block.count, &size) == SNAPPY_OK,
            size == length, length / snappyRatio <= block.count
        else { return nil }
        var isWhole = false
        let body = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            isWhole =
                snappy_uncompress(block.baseAddress, block.count, buffer.baseAddress, &size)
                == SNAPPY_OK
            count = isWhole ? length : 0
        }
        return isWhole ? body : nil
    }

    /// Its densest element makes 64 bytes of three.
    private static let snappyRatio = 22
}
