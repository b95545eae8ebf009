import Foundation
import Glibc

/// A running Erlang that answers questions about terms: see Tests/Erlang/terms.escript.
package final class Erlang {
    private var process: pid_t = 0
    /// Where questions are written to, and answers are read from.
    private let input: Int32
    private let output: Int32

    /// Whether the Erlang that the tests compare with is there.
    package static let isInstalled: Bool = {
        guard let erlang = try? Erlang(), let release = try? erlang.ask("v") else { return false }
        return release == Array("25".utf8)
    }()

    /// Held while there are ends of pipes that another process might be started with.
    private static let starting = NSLock()

    package init() throws {
        // One that has died is told from its answers.
        signal(SIGPIPE, SIG_IGN)
        Self.starting.lock()
        defer { Self.starting.unlock() }
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Erlang/terms.escript")
        let (questions, answers) = (Self.pipe(), Self.pipe())
        (input, output) = (questions.write, answers.read)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, questions.read, 0)
        posix_spawn_file_actions_adddup2(&actions, answers.write, 1)
        // Nobody wants to read why it ends when a test fails.
        let words = ["env", "ERL_CRASH_DUMP_SECONDS=0", "escript", script.path]
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let failure = posix_spawnp(&process, "env", &actions, nil, &arguments, environ)
        close(questions.read)
        close(answers.write)
        guard failure == 0 else { throw Death(question: "", bytes: []) }
    }

    deinit {
        close(input)
        close(output)
        waitpid(process, nil, 0)
    }

    /// Both ends; other processes that are started do not get them.
    private static func pipe() -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        Glibc.pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
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
    package func randomTerm(
        seed: UInt64, depth: UInt8, isCompressed: Bool = false
    ) throws -> [UInt8] {
        try ask(
            isCompressed ? "c" : "r", withUnsafeBytes(of: seed.bigEndian) { Array($0) } + [depth])
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
        write(Self.length(request) + request)
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

    private func write(_ bytes: [UInt8]) {
        var done = 0
        while done < bytes.count {
            let some = bytes[done...].withUnsafeBytes {
                Glibc.write(input, $0.baseAddress, $0.count)
            }
            guard some > 0 else { return }
            done += some
        }
    }

    private func read(_ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let some = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(output, buffer.baseAddress.map { $0 + done }, count - done)
            }
            guard some > 0 else { return nil }
            done += some
        }
        return bytes
    }
}
