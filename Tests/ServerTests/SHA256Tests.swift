import Testing

@testable import Server

@Suite struct SHA256Tests {
    private func hex(_ text: String) -> String? {
        Array(text.utf8).withUnsafeBytes { SHA256.digest(of: $0) }?
            .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
    func theDigestIsTheStandards(text: String, digest: String) {
        #expect(hex(text) == digest)
    }

    @Test func bytesInPiecesGiveTheSameDigest() {
        var pieces = SHA256()
        for byte in Array("abc".utf8) { withUnsafeBytes(of: byte) { pieces.add($0) } }
        let whole = Array("abc".utf8).withUnsafeBytes { SHA256.digest(of: $0) }
        #expect(pieces.finish() == whole)
    }
}
