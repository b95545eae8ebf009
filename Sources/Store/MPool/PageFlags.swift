/// What a put or a set says of a page; the flags of memp_fput and memp_fset.
package struct PageFlags: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Forget that it was changed.
    package static let clean = PageFlags(rawValue: 1)
    /// It was changed, and has to be written before it leaves the pool.
    package static let dirty = PageFlags(rawValue: 2)
    /// It will not be wanted soon.
    package static let discard = PageFlags(rawValue: 4)

    /// - Throws: `.badArgument` for what no page can be.
    func check() throws(StoreError) {
        if isSuperset(of: [.clean, .dirty]) {
            throw .badArgument(option: "flags", detail: "a page is either clean or dirty")
        }
        if rawValue > 7 {
            throw .badArgument(option: "flags", detail: "there is no such flag")
        }
    }
}

/// Which page a get is for; the page number and the flags of memp_fget.
package enum WantedPage: Equatable, Sendable {
    /// A page that must exist.
    case existing(UInt32)
    /// A page that is made, all zeros, unless it exists.
    case create(UInt32)
    /// The last page: in the file or, if higher, in the pool.
    case last
    /// A new page behind the last one; page 1 of an empty file.
    case new
}
