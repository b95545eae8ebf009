extension Term {
    /// Whether the term stands before another in the order that Erlang keeps keys of maps in: all
    /// integers before all floats, otherwise its order of terms.
    ///
    /// Funs with the same code and different variables are not told apart.
    package static func precedes(_ left: Term, _ right: Term) -> Bool {
        TermOrder.compare(left, right) < 0
    }
}

/// The order of terms: less than 0, 0 or more than 0, as the left one stands to the right one.
///
/// Has a stack of its own; only keys of maps that are maps themselves are compared by recursion.
private enum TermOrder {
    /// Terms that decide if all before them are equal, the first one last.
    private typealias Pending = [(left: Term, right: Term)]

    static func compare(_ left: Term, _ right: Term) -> Int {
        var pending: Pending = [(left, right)]
        while let next = pending.popLast() {
            let order = compare(next.left, next.right, &pending)
            if order != 0 { return order }
        }
        return 0
    }

    /// Compares what is not a term in a term, and leaves the rest for later.
    private static func compare(_ left: Term, _ right: Term, _ pending: inout Pending) -> Int {
        switch (left, right) {
        case (.integer(let left), .integer(let right)): return ascending(left, right)
        case (.bigInteger(let left), .bigInteger(let right)): return compare(left, right)
        case (.integer, .bigInteger(let right)): return right.isNegative ? 1 : -1
        case (.bigInteger(let left), .integer): return left.isNegative ? -1 : 1
        case (.float(let left), .float(let right)): return ascending(left, right)
        case (.atom(let left), .atom(let right)): return lexical(left.utf8, right.utf8)
        case (.opaque(let left), .opaque(let right)): return compare(left, right)
        case (.tuple(let left), .tuple(let right)):
            guard left.count == right.count else { return left.count - right.count }
            push(left[...], right[...], &pending)
            return 0
        case (.map(let left), .map(let right)): return compare(left, right, &pending)
        default: return others(left, right, &pending)
        }
    }

    private static func others(_ left: Term, _ right: Term, _ pending: inout Pending) -> Int {
        if let left = List(left), let right = List(right) {
            let common = min(left.elements.count, right.elements.count)
            pending.append((rest(of: left, from: common), rest(of: right, from: common)))
            push(left.elements, right.elements, &pending)
            return 0
        }
        if let left = Bits(left), let right = Bits(right) { return compare(left, right) }
        return rank(left) - rank(right)
    }

    /// Leaves pairs of terms for later, as many as both have.
    private static func push(
        _ left: ArraySlice<Term>, _ right: ArraySlice<Term>, _ pending: inout Pending
    ) {
        let count = min(left.count, right.count)
        for pair in zip(left.prefix(count).reversed(), right.prefix(count).reversed()) {
            pending.append(pair)
        }
    }

    private static func rank(_ term: Term) -> Int {
        switch term {
        case .integer, .bigInteger: 0
        case .float: 1
        case .atom: 2
        case .opaque(let bytes): identifierRank(bytes)
        case .tuple: 7
        case .map: 8
        case .list(let elements): elements.isEmpty ? 9 : 10
        case .improperList: 10
        case .binary, .bitString: 11
        }
    }

    private static func identifierRank(_ bytes: [UInt8]) -> Int {
        switch bytes.first {
        case TermTag.newerReference: 3
        case TermTag.newFun, TermTag.export: 4
        case TermTag.newPort, TermTag.v4Port: 5
        default: 6
        }
    }

    private static func ascending<Value: Comparable>(_ left: Value, _ right: Value) -> Int {
        left == right ? 0 : left < right ? -1 : 1
    }

    private static func lexical(_ left: [UInt8], _ right: [UInt8]) -> Int {
        left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
    }

    private static func compare(_ left: BigInteger, _ right: BigInteger) -> Int {
        guard left.isNegative == right.isNegative else { return left.isNegative ? -1 : 1 }
        let size =
            left.magnitude.count != right.magnitude.count
            ? left.magnitude.count - right.magnitude.count
            : lexical(left.magnitude.reversed(), right.magnitude.reversed())
        return left.isNegative ? -size : size
    }

    // MARK: Lists

    private struct List {
        let elements: ArraySlice<Term>
        let tail: Term

        init?(_ term: Term) {
            switch term {
            case .list(let elements) where !elements.isEmpty:
                (self.elements, tail) = (elements[...], .list([]))
            case .improperList(let elements, let tail):
                (self.elements, self.tail) = (elements[...], tail)
            default: return nil
            }
        }
    }

    /// What follows the elements that both have; a single element says enough of what is a list.
    private static func rest(of list: List, from common: Int) -> Term {
        common < list.elements.count ? .improperList([], tail: .integer(0)) : list.tail
    }

    // MARK: Maps

    private static func compare(
        _ left: [Term.Pair], _ right: [Term.Pair], _ pending: inout Pending
    ) -> Int {
        guard left.count == right.count else { return left.count - right.count }
        let left = left.sorted { compare($0.key, $1.key) < 0 }
        let right = right.sorted { compare($0.key, $1.key) < 0 }
        push(left.map(\.value)[...], right.map(\.value)[...], &pending)
        push(left.map(\.key)[...], right.map(\.key)[...], &pending)
        return 0
    }

    // MARK: Binaries

    private struct Bits {
        let bytes: [UInt8]
        let count: Int

        init?(_ term: Term) {
            switch term {
            case .binary(let bytes): (self.bytes, count) = (bytes, bytes.count * 8)
            case .bitString(let bytes, let last):
                (self.bytes, count) = (bytes, bytes.count * 8 - 8 + last)
            default: return nil
            }
        }
    }

    private static func compare(_ left: Bits, _ right: Bits) -> Int {
        let common = min(left.count, right.count)
        for index in 0..<(common + 7) / 8 {
            let mask: UInt8 = index < common / 8 ? 0xFF : ~(0xFF >> UInt8(common % 8))
            let order = ascending(left.bytes[index] & mask, right.bytes[index] & mask)
            if order != 0 { return order }
        }
        return left.count - right.count
    }

    // MARK: Identifiers

    private static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        let ranks = identifierRank(left) - identifierRank(right)
        guard ranks == 0 else { return ranks }
        let order = try? left.withUnsafeBytes { left in
            try right.withUnsafeBytes { right in try compare(left, right) }
        }
        return order ?? lexical(left, right)
    }

    private static func compare(
        _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
    ) throws(TermError) -> Int {
        let (leftIsFun, rightIsFun) = (left.first == TermTag.newFun, right.first == TermTag.newFun)
        guard !leftIsFun && !rightIsFun else {
            return leftIsFun && rightIsFun ? try functions(left, right) : leftIsFun ? -1 : 1
        }
        switch (try TermIdentifier(left), try TermIdentifier(right)) {
        case (.pid(let left, let number, let serial), .pid(let right, let other, let otherSerial)):
            let order = ascending(serial, otherSerial)
            let numbers = order != 0 ? order : ascending(number, other)
            return numbers != 0 ? numbers : compare(left, right)
        case (.port(let left, let number), .port(let right, let other)):
            let nodes = compare(left, right)
            return nodes != 0 ? nodes : ascending(number, other)
        case (.reference(let left, _, let words), .reference(let right, _, let others)):
            let nodes = compare(left, right)
            let last = words.indices.reversed().first { words[$0] != others[$0] }
            return nodes != 0 ? nodes : last.map { ascending(words[$0], others[$0]) } ?? 0
        case (
            .export(let module, let name, let arity),
            .export(let other, let otherName, let otherArity)
        ):
            let modules = lexical(module.utf8, other.utf8)
            let names = modules != 0 ? modules : lexical(name.utf8, otherName.utf8)
            return names != 0 ? names : ascending(arity, otherArity)
        default: return 0
        }
    }

    private static func compare(_ left: TermIdentifier.Node, _ right: TermIdentifier.Node) -> Int {
        let names = lexical(left.name.utf8, right.name.utf8)
        return names != 0 ? names : ascending(left.creation, right.creation)
    }

    private static func functions(
        _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
    ) throws(TermError) -> Int {
        var (left, right) = (TermReader(left), TermReader(right))
        guard case .function(let head) = try left.next(),
            case .function(let other) = try right.next()
        else { return 0 }
        let modules = lexical(head.module.utf8, other.module.utf8)
        guard modules == 0 else { return modules }
        let indexes = ascending(Int32(bitPattern: head.index), Int32(bitPattern: other.index))
        guard indexes == 0 else { return indexes }
        let uniqs = ascending(
            Int32(truncatingIfNeeded: head.oldUniq), Int32(truncatingIfNeeded: other.oldUniq))
        return uniqs != 0 ? uniqs : ascending(head.freeCount, other.freeCount)
    }
}
