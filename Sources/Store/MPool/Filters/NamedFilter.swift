import Glibc

/// The filters that clients can name, since they can't send code.
///
/// A page of zeros passes all but `fail` unchanged, both ways: holes of files and pages that were just
/// made were never filtered.
package enum NamedFilter {
    /// The names of single filters; `a+b` is one after the other.
    package static let names = [
        "none", "byteswap16", "byteswap32", "byteswap64", "xor", "crc32c", "fail",
    ]

    /// Names that belong to the list and that this build does not offer.
    private static let left = ["aes-xts", "aes-gcm", "zstd"]

    /// The function of a name for one way.
    ///
    /// - Throws: `.badArgument` for an unknown name, `.notImplemented`.
    package static func function(
        _ name: String, isIncoming: Bool
    ) throws(StoreError) -> PageFilter.Function {
        let parts = name.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 8 else {
            throw .badArgument(option: "pgin", detail: "at most 8 filters follow each other")
        }
        var steps: [PageFilter.Function] = []
        for part in isIncoming ? parts.reversed() : parts {
            steps.append(try single(part, isIncoming: isIncoming))
        }
        return { [steps] pgno, page, cookie in
            for step in steps {
                let errno = step(pgno, page, cookie)
                if errno != 0 { return errno }
            }
            return 0
        }
    }

    private static func single(
        _ name: String, isIncoming: Bool
    ) throws(StoreError) -> PageFilter.Function {
        switch name {
        case "none": return { _, _, _ in 0 }
        case "byteswap16": return unlessZero(swap(UInt16.self))
        case "byteswap32": return unlessZero(swap(UInt32.self))
        case "byteswap64": return unlessZero(swap(UInt64.self))
        case "xor": return unlessZero(xor)
        case "crc32c": return unlessZero(isIncoming ? verify : seal)
        case "fail": return fail
        case _ where left.contains(name):
            throw .notImplemented(detail: "this build has no filter \(name)")
        default:
            throw .badArgument(
                option: isIncoming ? "pgin" : "pgout",
                detail: "filters are \(names.joined(separator: ", ")), and a+b of them")
        }
    }

    private static func unlessZero(_ function: @escaping PageFilter.Function) -> PageFilter.Function
    {
        { pgno, page, cookie in page.contains { $0 != 0 } ? function(pgno, page, cookie) : 0 }
    }

    private static func swap<Word: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _: Word.Type
    ) -> PageFilter.Function {
        { _, page, _ in
            for place in stride(from: 0, to: page.count, by: MemoryLayout<Word>.size) {
                let word = page.load(fromByteOffset: place, as: Word.self)
                page.storeBytes(of: word.byteSwapped, toByteOffset: place, as: Word.self)
            }
            return 0
        }
    }

    /// A page that equals the repeated cookie would become zeros, and stays as it is.
    private static let xor: PageFilter.Function = { _, page, cookie in
        guard let cookie, !cookie.isEmpty else { return 0 }
        let isCookie = page.indices.allSatisfy { page[$0] == cookie[$0 % cookie.count] }
        guard !isCookie else { return 0 }
        for place in page.indices { page[place] ^= cookie[place % cookie.count] }
        return 0
    }

    /// The checksum of a page and its number; never 0, so that no page becomes zeros.
    private static func sum(_ pgno: UInt32, _ page: UnsafeMutableRawBufferPointer) -> UInt32 {
        var sum = CRC32C()
        sum.add(UnsafeRawBufferPointer(rebasing: page[..<(page.count - 4)]))
        withUnsafeBytes(of: pgno.littleEndian) { sum.add($0) }
        return sum.value == 0 ? .max : sum.value
    }

    private static let seal: PageFilter.Function = { pgno, page, _ in
        let sum = sum(pgno, page)
        page.storeBytes(of: sum.littleEndian, toByteOffset: page.count - 4, as: UInt32.self)
        return 0
    }

    private static let verify: PageFilter.Function = { pgno, page, _ in
        let stored = page.loadUnaligned(fromByteOffset: page.count - 4, as: UInt32.self)
        return UInt32(littleEndian: stored) == sum(pgno, page) ? 0 : EIO
    }

    /// For tests of what a client does then: the cookie holds the number of a page that fails.
    private static let fail: PageFilter.Function = { pgno, _, cookie in
        guard let cookie, cookie.count >= 4 else { return 0 }
        return cookie.littleEndian(UInt32.self, at: 0) == pgno ? EIO : 0
    }
}
