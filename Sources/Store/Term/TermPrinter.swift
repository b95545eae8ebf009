extension Term {
    /// The term as Erlang shows it on one line: `io_lib:format("~0tp", [Term])`.
    ///
    /// Differs from it in what only a running virtual machine knows: a pid, port or reference of
    /// another node is shown with the node's name, not with the number that the name has there. An
    /// integer of more than `BigInteger.maximumDecimalBytes` is shown in base 16. Maps with more than
    /// 32 pairs keep their order.
    package var text: String {
        var printer = TermPrinter()
        printer.print(self)
        return String(decoding: printer.text, as: UTF8.self)
    }
}

/// Recursion goes no deeper than trees nest.
private struct TermPrinter {
    var text: [UInt8] = []

    /// Erlang keeps the keys of smaller maps in the order of terms.
    private static let largestSortedMap = 32

    private mutating func write(_ literal: StaticString) {
        literal.withUTF8Buffer { text.append(contentsOf: $0) }
    }

    private mutating func write(_ number: some FixedWidthInteger) {
        text.append(contentsOf: String(number).utf8)
    }

    mutating func print(_ term: Term) {
        switch term {
        case .integer(let value): write(value)
        case .bigInteger(let value): print(value)
        case .float(let value): FloatText.append(value, to: &text)
        case .atom(let atom): print(atom.name)
        case .binary(let bytes): print(bytes)
        case .bitString(let bytes, let bits): print(bytes, bitsInLastByte: bits)
        case .list(let elements): print(list: elements)
        case .improperList(let elements, let tail):
            write("[")
            print(elements)
            write("|")
            print(tail)
            write("]")
        case .tuple(let elements):
            write("{")
            print(elements)
            write("}")
        case .map(let pairs): print(pairs)
        case .opaque(let bytes): print(opaque: bytes)
        }
    }

    private mutating func print(_ elements: [Term]) {
        for (index, element) in elements.enumerated() {
            if index > 0 { write(",") }
            print(element)
        }
    }

    private mutating func print(_ value: BigInteger) {
        if let decimal = value.decimal { return text.append(contentsOf: decimal) }
        if value.isNegative { write("-") }
        write("16#")
        for (index, byte) in value.magnitude.reversed().enumerated() {
            let digits = String(byte, radix: 16, uppercase: true)
            if index > 0 && digits.count < 2 { write("0") }
            text.append(contentsOf: digits.utf8)
        }
    }

    private mutating func print(_ name: String) {
        if AtomSyntax.needsQuotes(name) {
            AtomSyntax.append(name.unicodeScalars, quote: "'", to: &text)
        } else {
            text.append(contentsOf: name.utf8)
        }
    }

    // MARK: Lists and maps

    private mutating func print(list elements: [Term]) {
        if let characters = Self.characters(elements) {
            return AtomSyntax.append(characters, quote: "\"", to: &text)
        }
        write("[")
        print(elements)
        write("]")
    }

    /// The text that a list is, if it is shown as such.
    private static func characters(_ elements: [Term]) -> [Unicode.Scalar]? {
        guard !elements.isEmpty else { return nil }
        var characters: [Unicode.Scalar] = []
        for element in elements {
            guard case .integer(let value) = element, let byte = UInt8(exactly: value),
                AtomSyntax.isPrintable(UInt32(byte))
            else { return nil }
            characters.append(Unicode.Scalar(byte))
        }
        return characters
    }

    private mutating func print(_ pairs: [Term.Pair]) {
        let isSorted = pairs.count <= Self.largestSortedMap
        let pairs = isSorted ? pairs.sorted { Term.precedes($0.key, $1.key) } : pairs
        write("#{")
        for (index, pair) in pairs.enumerated() {
            if index > 0 { write(",") }
            print(pair.key)
            write(" => ")
            print(pair.value)
        }
        write("}")
    }

    // MARK: Binaries

    private mutating func print(_ bytes: [UInt8]) {
        write("<<")
        if bytes.isEmpty {
            // Neither text nor numbers.
        } else if let utf8 = String(validating: bytes, as: UTF8.self) {
            if utf8.unicodeScalars.allSatisfy({ AtomSyntax.isPrintable($0.value) }) {
                AtomSyntax.append(utf8.unicodeScalars, quote: "\"", to: &text)
                if !bytes.allSatisfy({ $0 < 0x80 }) { write("/utf8") }
            } else {
                print(numbers: bytes)
            }
        } else if bytes.allSatisfy({ AtomSyntax.isPrintable(UInt32($0)) }) {
            AtomSyntax.append(bytes.lazy.map { Unicode.Scalar($0) }, quote: "\"", to: &text)
        } else {
            print(numbers: bytes)
        }
        write(">>")
    }

    private mutating func print(numbers bytes: some Collection<UInt8>) {
        for (index, byte) in bytes.enumerated() {
            if index > 0 { write(",") }
            write(byte)
        }
    }

    private mutating func print(_ bytes: [UInt8], bitsInLastByte bits: Int) {
        write("<<")
        print(numbers: bytes.dropLast())
        if bytes.count > 1 { write(",") }
        write((bytes.last ?? 0) >> (8 - UInt8(bits)))
        write(":")
        write(bits)
        write(">>")
    }

    // MARK: Pids, ports, references and funs

    private mutating func print(opaque bytes: [UInt8]) {
        let isShown: Void? = try? bytes.withUnsafeBytes { bytes in
            if bytes.first == TermTag.newFun {
                try print(function: bytes)
            } else {
                print(try TermIdentifier(bytes))
            }
        }
        if isShown == nil { write("#Opaque<>") }
    }

    private mutating func print(function bytes: UnsafeRawBufferPointer) throws(TermError) {
        var reader = TermReader(bytes)
        guard case .function(let head) = try reader.next() else { return }
        write("#Fun<")
        text.append(contentsOf: head.module.utf8)
        write(".")
        write(Int32(truncatingIfNeeded: head.oldIndex))
        write(".")
        write(Int32(truncatingIfNeeded: head.oldUniq))
        write(">")
    }

    private mutating func print(_ identifier: TermIdentifier) {
        switch identifier {
        case .pid(let node, let number, let serial):
            write("<")
            print(node)
            print(numbers: [UInt64(number), UInt64(serial)])
        case .port(let node, let number):
            write("#Port<")
            print(node)
            print(numbers: [number])
        case .reference(let node, let count, let words):
            let count = node.isLocal ? TermIdentifier.localReferenceWords : count
            write("#Ref<")
            print(node)
            print(numbers: (0..<count).reversed().map { UInt64(words[$0]) })
        case .export(let module, let function, let arity):
            write("fun ")
            print(exported: module)
            write(":")
            print(exported: function)
            write("/")
            write(arity)
        }
    }

    private mutating func print(_ node: TermIdentifier.Node) {
        if node.isLocal { write("0") } else { text.append(contentsOf: node.name.utf8) }
    }

    private mutating func print(numbers: [UInt64]) {
        for number in numbers {
            write(".")
            write(number)
        }
        write(">")
    }

    /// Erlang does not care for reserved words here, and quotes what has an at sign.
    private mutating func print(exported name: AtomText) {
        let name = String(decoding: name.utf8, as: UTF8.self)
        let isPlain = name.unicodeScalars.allSatisfy { AtomSyntax.isPart($0) && $0 != "@" }
        if isPlain, let first = name.unicodeScalars.first, AtomSyntax.isStart(first) {
            text.append(contentsOf: name.utf8)
        } else {
            AtomSyntax.append(name.unicodeScalars, quote: "'", to: &text)
        }
    }
}
