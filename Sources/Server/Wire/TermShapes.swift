import API
import Store

/// Which lists and maps of a term are not simply arrays and objects.
///
/// That shows only at the end of a list, or at any key of a map.
struct TermShapes {
    /// Where lists with a tail and maps with other keys than texts start.
    private let odd: Set<Int>

    /// - Parameter depth: containers that are deeper are not looked at.
    init(of body: UnsafeRawBufferPointer, depth: Int) throws(TermError) {
        var survey = Survey(depth: depth)
        var walker = TermWalker(body)
        try walker.walk(&survey)
        odd = survey.odd
    }

    func isOdd(at offset: Int) -> Bool { odd.contains(offset) }

    /// Whether a map with the key can be an object.
    static func isName(_ key: UnsafeRawBufferPointer) -> Bool {
        key.first != TermJSON.tagMark && JSONText.isText(key)
    }

    private struct Survey: TermVisitor {
        let depth: Int
        private(set) var odd: Set<Int> = []
        /// Where the containers start that have not ended, and which of them are maps.
        private var open: [(start: Int, isMap: Bool)] = []
        private var isKey = false

        init(depth: Int) { self.depth = depth }

        private mutating func mark() {
            guard let container = open.last else { return }
            odd.insert(container.start)
        }

        /// Takes note of a key that is no name.
        private mutating func passKey(_ isName: Bool = false) {
            if isKey && !isName { mark() }
            isKey = false
        }

        mutating func leaf(_ token: TermToken) throws(TermError) {
            guard isKey else { return }
            if case .binary(let bytes) = token {
                passKey(TermShapes.isName(bytes))
            } else {
                passKey()
            }
        }

        mutating func opaque(_ bytes: UnsafeRawBufferPointer) throws(TermError) { passKey() }

        mutating func begin(
            _ container: TermContainer, at offset: Int
        ) throws(TermError) -> Bool {
            passKey()
            guard open.count < depth else { return false }
            open.append((offset, container == .map))
            return true
        }

        mutating func next(_ place: TermPlace) throws(TermError) {
            switch place {
            case .tail: mark()
            case .value: break
            case .firstElement, .element: isKey = open.last?.isMap ?? false
            }
        }

        mutating func end(_ container: TermContainer) throws(TermError) { open.removeLast() }
    }
}
