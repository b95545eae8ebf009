import Glibc

/// The filters that clients can name, since they can't send code.
///
/// A page of zeros passes all but `fail` unchanged, both ways: holes of files and pages that were just
/// made were never filtered.
package enum NamedFilter {
    /// The names of single filters; `a+b` is one after the other.
    package static let names = [
        "none", "byteswap16", "byteswap32", "byteswap64", "xor", "crc32c", "aes-xts", "aes-gcm",
        "zstd", "fail",
    ]

    private static let most = 8

    /// One filter for both ways, and how many bytes it takes of the end of what it is given.
    private struct Step: Sendable {
        var room = 0
        let pgin: PageFilter.Function
        let pgout: PageFilter.Function
    }

    /// Whether one of the filters encrypts.
    package static func needsKeys(_ name: String) -> Bool {
        name.split(separator: "+").contains { $0.hasPrefix("aes-") }
    }

    /// The function of a name for one way.
    ///
    /// Each filter of several works on what those after it on the way out leave it.
    /// - Throws: `.badArgument` for an unknown name.
    package static func function(
        _ name: String, isIncoming: Bool, keys: PageKeys = PageKeys()
    ) throws(StoreError) -> PageFilter.Function {
        let option = isIncoming ? "pgin" : "pgout"
        let parts = name.split(separator: "+", omittingEmptySubsequences: false)
        guard parts.count <= most else {
            throw .badArgument(option: option, detail: "at most \(most) filters follow each other")
        }
        var steps: [(left: Int, function: PageFilter.Function)] = []
        var taken = 0
        for part in parts.reversed() {
            guard let step = single(String(part), keys) else {
                throw .badArgument(
                    option: option,
                    detail: "filters are \(names.joined(separator: ", ")), and a+b of them")
            }
            steps.append((taken, isIncoming ? step.pgin : step.pgout))
            taken += step.room
        }
        if !isIncoming { steps.reverse() }
        return { [steps] pgno, page, cookie in
            for step in steps {
                let part = UnsafeMutableRawBufferPointer(
                    rebasing: page[..<(page.count - step.left)])
                let errno = step.function(pgno, part, cookie)
                if errno != 0 { return errno }
            }
            return 0
        }
    }

    private static func single(_ name: String, _ keys: PageKeys) -> Step? {
        switch name {
        case "none": return Step(pgin: { _, _, _ in 0 }, pgout: { _, _, _ in 0 })
        case "byteswap16": return alike(swap(UInt16.self))
        case "byteswap32": return alike(swap(UInt32.self))
        case "byteswap64": return alike(swap(UInt64.self))
        case "xor": return alike(xor)
        case "crc32c": return step(4, pgin: verify, pgout: seal)
        case "aes-xts":
            let cipher = PageCipher(keys: keys)
            return step(
                0, pgin: { cipher.xts($0, $1, $2, encrypts: false) },
                pgout: { cipher.xts($0, $1, $2, encrypts: true) })
        case "aes-gcm":
            let cipher = PageCipher(keys: keys)
            return step(PageCipher.room, pgin: cipher.open, pgout: cipher.seal)
        case "zstd":
            return step(
                PageCompressor.room, pgin: { _, page, _ in PageCompressor.unpack(page) },
                pgout: { _, page, _ in PageCompressor.pack(page) })
        case "fail": return Step(pgin: fail, pgout: fail)
        default: return nil
        }
    }

    private static func alike(_ function: @escaping PageFilter.Function) -> Step {
        step(0, pgin: function, pgout: function)
    }

    private static func step(
        _ room: Int, pgin: @escaping PageFilter.Function, pgout: @escaping PageFilter.Function
    ) -> Step {
        Step(room: room, pgin: unlessZero(pgin), pgout: unlessZero(pgout))
    }

    private static func unlessZero(_ function: @escaping PageFilter.Function) -> PageFilter.Function
    {
        { pgno, page, cookie in page.contains { $0 != 0 } ? function(pgno, page, cookie) : 0 }
    }

    private static func swap<Word: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _: Word.Type
    ) -> PageFilter.Function {
        { _, page, _ in
            let size = MemoryLayout<Word>.size
            for place in stride(from: 0, to: page.count / size * size, by: size) {
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
