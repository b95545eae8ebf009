import Foundation
import Glibc

/// A running Erlang that answers questions about terms: see Tests/Erlang/terms.escript.
package final class Erlang {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    /// Whether the Erlang that the tests compare with is there.
    package static let isInstalled: Bool = {
        guard let erlang = try? Erlang(), let release = try? erlang.ask("v") else { return false }
        return release == Array("25".utf8)
    }()

    package init() throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Erlang/terms.escript")
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["escript", script.path]
        // Nobody wants to read why it ends when a test fails.
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["ERL_CRASH_DUMP_SECONDS": "0"]
        ) { $1 }
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// What Erlang makes of the bytes of a term.
    package struct Verdict {
        /// As `term_to_binary` writes it again.
        package let again: [UInt8]
        /// As `io_lib:format("~0tp")` shows it.
        package let text: String
    }

    /// The verdict of `binary_to_term`; nil if it refuses the bytes.
    package func verdict(_ bytes: [UInt8]) throws -> Verdict? {
        let answer = try ask("b", bytes)
        guard !answer.isEmpty else { return nil }
        let parts = Self.parts(answer)
        return Verdict(again: parts[0], text: String(decoding: parts[1], as: UTF8.self))
    }

    /// Whether `binary_to_term` takes the bytes.
    package func takes(_ bytes: [UInt8]) throws -> Bool { try ask("d", bytes) == [1] }

    /// Whether two encodings are the same term to Erlang, by `=:=`.
    package func areSame(_ left: [UInt8], _ right: [UInt8]) throws -> Bool {
        try ask("e", Self.length(left) + left + right) == [1]
    }

    /// The encoding of a random term.
    package func randomTerm(seed: UInt64, depth: UInt8) throws -> [UInt8] {
        try ask("r", withUnsafeBytes(of: seed.bigEndian) { Array($0) } + [depth])
    }

    /// A term in JSON.
    package func json(_ bytes: [UInt8]) throws -> [UInt8] { try ask("j", bytes) }

    /// The encoding of what Erlang's own parser reads; nil if it reads nothing.
    package func parse(_ text: String) throws -> [UInt8]? {
        let answer = try ask("p", Array(text.utf8))
        return answer.isEmpty ? nil : answer
    }

    /// Erlang ended instead of answering.
    struct Death: Error {
        let question: String
        let bytes: [UInt8]
    }

    private func ask(_ question: String, _ bytes: [UInt8] = []) throws -> [UInt8] {
        let request = Array(question.utf8) + bytes
        try input.fileHandleForWriting.write(contentsOf: Data(Self.length(request) + request))
        guard let head = read(4), let answer = read(head.reduce(0) { $0 << 8 | Int($1) }) else {
            throw Death(question: question, bytes: bytes)
        }
        return answer
    }

    private static func length(_ bytes: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) }
    }

    /// Takes apart what is a length and so many bytes, several times.
    private static func parts(_ answer: [UInt8]) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var rest = answer[...]
        while rest.count >= 4 {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            parts.append(Array(rest.dropFirst(4).prefix(length)))
            rest = rest.dropFirst(4 + length)
        }
        return parts
    }

    private func read(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        let descriptor = output.fileHandleForReading.fileDescriptor
        while done < count {
            let some = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress.map { $0 + done }, count - done)
            }
            guard some > 0 else { return nil }
            done += some
        }
        return bytes
    }
}
