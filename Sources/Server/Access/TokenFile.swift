import API
import Store

/// The file of tokens: a line of JSON for each, and a digest of all that tells damage.
///
/// A damaged file must never look like one without tokens: without tokens everyone may do
/// everything.
enum TokenFile {
    static let path = ".tidemark/tokens"
    private static let head = "tidemark tokens 1\n"
    /// More bytes are neither read nor written.
    static let longest = 16 << 20

    /// - Returns: no tokens if there is no file.
    static func read(in directory: DataDirectory) throws(StartFailure) -> [AccessToken] {
        let bytes: [UInt8]?
        do throws(StoreError) {
            bytes = try directory.contents(of: path, limit: longest)
        } catch {
            throw StartFailure("the tokens in \(path) cannot be read: \(Problem(error).detail)")
        }
        guard let bytes else { return [] }
        guard let tokens = decode(bytes) else {
            throw StartFailure(
                "the tokens in \(path) are damaged: put a copy of the file in its place, or remove "
                    + "it, which makes all tokens void, and make new ones")
        }
        return tokens
    }

    /// - Throws: `rate_limited` for more than would be read again.
    static func write(_ tokens: [AccessToken], in directory: DataDirectory) throws(Problem) {
        let bytes = encode(tokens)
        guard bytes.count <= longest else {
            throw Problem(
                .rateLimited,
                "the tokens would take more than \(longest) bytes together: take some back, or give "
                    + "them fewer patterns",
                members: [.init(name: "limit", value: .integer(longest))])
        }
        try mapping { () throws(StoreError) in
            try directory.replaceContents(of: path, with: bytes)
        }
    }

    static func encode(_ tokens: [AccessToken]) -> [UInt8] {
        var bytes = Array(head.utf8)
        for token in tokens { bytes += token.fileLine }
        let digest = bytes.withUnsafeBytes { SHA256.digest(of: $0) } ?? []
        return bytes + Array("sha256 \(Hexadecimal.text(of: digest))\n".utf8)
    }

    /// - Returns: nil for a damaged file.
    static func decode(_ bytes: [UInt8]) -> [AccessToken]? {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        guard lines.count >= 3, lines.last?.isEmpty == true else { return nil }
        let end = lines[lines.count - 2]
        let all = bytes[..<end.startIndex]
        guard let digest = all.withUnsafeBytes({ SHA256.digest(of: $0) }),
            end.elementsEqual("sha256 \(Hexadecimal.text(of: digest))".utf8),
            all.starts(with: head.utf8)
        else { return nil }
        var tokens: [AccessToken] = []
        for line in lines[1..<(lines.count - 2)] {
            guard let token = try? AccessToken(fileLine: line) else { return nil }
            tokens.append(token)
        }
        return tokens
    }
}

extension AccessToken {
    fileprivate var fileLine: [UInt8] {
        json(with: [
            .init(name: "digest", value: .string(Hexadecimal.text(of: digest)))
        ]).line
    }

    fileprivate convenience init?(fileLine: ArraySlice<UInt8>) throws(Problem) {
        var object = try JSONObject(try JSONDocument(fileLine, depth: 8).root)
        guard let id = try object.string("id"),
            let created = try object.string("created_at").flatMap(Timestamp.milliseconds),
            let digest = try object.string("digest").flatMap(Hexadecimal.bytes),
            digest.count == 32
        else { return nil }
        let grant = try TokenGrant(&object)
        try object.finish()
        self.init(id: id, digest: digest, createdAt: created, grant: grant)
    }
}

/// Bytes as hexadecimal digits.
enum Hexadecimal {
    static func text(of bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }

    static func bytes(of text: String) -> [UInt8]? {
        let digits = text.utf8.map { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
        let values = digits.compactMap(\.self)
        return stride(from: 0, to: values.count, by: 2).map {
            UInt8(values[$0] << 4 | values[$0 + 1])
        }
    }
}
