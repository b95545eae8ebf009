/// New bytes for a page: all of them, or some.
package enum PageChange: Sendable {
    case whole([UInt8])
    /// Bytes from an offset on; later patches win.
    case patches([(at: Int, bytes: [UInt8])])

    /// The bytes of the page after the change.
    ///
    /// - Throws: `.badArgument` if they don't fit.
    func applied(to page: UnsafeMutableRawBufferPointer) throws(StoreError) -> [UInt8] {
        switch self {
        case .whole(let bytes):
            guard bytes.count == page.count else {
                throw .badArgument(
                    option: "page", detail: "a page of this file has \(page.count) bytes")
            }
            return bytes
        case .patches(let patches):
            var bytes = Array(page)
            for patch in patches {
                guard patch.at >= 0, patch.at <= page.count - patch.bytes.count else {
                    throw .badArgument(
                        option: "at", detail: "the bytes reach beyond the page of \(page.count)")
                }
                bytes.replaceSubrange(patch.at..<patch.at + patch.bytes.count, with: patch.bytes)
            }
            return bytes
        }
    }
}

/// What a change asks of the page as it is.
package struct PageCondition: Sendable {
    /// One of these entity tags, or any page if the list is nil.
    package var tags: [String]?
    /// None of these.
    package var refusedTags: [String]?
    /// The page's own LSN must be smaller.
    package var lsnBelow: LSN?

    package init() {}

    package var isEmpty: Bool { tags == nil && refusedTags == nil && lsnBelow == nil }

    /// - Throws: `.conditionFailed`.
    func check(_ page: UnsafeRawBufferPointer, of file: PageFile) throws(StoreError) {
        guard !isEmpty else { return }
        let tag = PageTag.text(of: page, lsnOffset: file.options.lsnOffset)
        if let tags, !tags.contains(tag) { throw .mpool(.conditionFailed(etag: tag)) }
        if let refusedTags, refusedTags.contains(tag) {
            throw .mpool(.conditionFailed(etag: tag))
        }
        guard let lsnBelow else { return }
        guard file.options.lsnOffset >= 0 else {
            throw .badArgument(
                option: "If-Page-LSN-Below", detail: "pages of this file have no LSN")
        }
        if LSN(in: page, at: file.options.lsnOffset) >= lsnBelow {
            throw .mpool(.conditionFailed(etag: tag))
        }
    }
}

/// The strong entity tag of a page: made from its bytes, so that it survives eviction and restart.
package enum PageTag {
    /// `"l-FILE.OFFSET-CRC"` where pages have an LSN, else `"c-CRC"`.
    package static func text(of page: UnsafeRawBufferPointer, lsnOffset: Int) -> String {
        let digits = String(CRC32C.checksum(of: page), radix: 16)
        let sum = String(repeating: "0", count: 8 - digits.count) + digits
        guard lsnOffset >= 0 else { return "\"c-\(sum)\"" }
        let lsn = LSN(in: page, at: lsnOffset)
        return "\"l-\(lsn.file).\(lsn.offset)-\(sum)\""
    }
}
