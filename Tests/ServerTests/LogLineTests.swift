import API
import Testing

@testable import Server

@Suite struct LogLineTests {
    private func line(
        _ message: String = "request", path: String, _ format: Settings.LogFormat = .text
    ) -> String {
        let members = [JSONValue.Member(name: "path", value: .string(path))]
        let bytes = LogLine.bytes(message, level: "info", members, format)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: ["/v1/logs/a", "/v1/%20?", "é", "a'b", "日本"])
    func plainValueStandsAsItIs(_ path: String) {
        #expect(line(path: path).hasSuffix(" info request path=\(path)\n"))
    }

    @Test(arguments: [
        ("", #""""#), ("a status=200", #""a status=200""#), ("a=b", #""a=b""#),
        (#"a"b"#, #""a\"b""#), (#"a\b"#, #""a\\b""#), ("a\tb", #""a\tb""#), ("a\nb", #""a\nb""#),
        ("a\u{A0}b", "\"a\u{A0}b\""), ("a\u{85}b", #""a\u0085b""#), ("\u{9B}2J", #""\u009b2J""#),
        ("a\u{2028}b", #""a\u2028b""#), ("a\u{2029}b", #""a\u2029b""#),
        ("a\u{202E}b", #""a\u202eb""#), ("a\u{2066}b", #""a\u2066b""#),
        ("a\u{200B}b", #""a\u200bb""#), ("a\u{7F}b", #""a\u007fb""#),
        ("a\u{E0001}b", #""a\udb40\udc01b""#),
    ])
    func valueThatCouldDeceiveIsQuoted(_ path: String, _ expected: String) {
        #expect(line(path: path).hasSuffix(" info request path=\(expected)\n"))
    }

    @Test func messageKeepsItsBlanksAndNothingThatSteers() {
        #expect(line("a b=c", path: "/").contains(" info a b=c path=/"))
        #expect(line("a\u{9B}b\u{2028}", path: "/").contains(#" info "a\u009bb\u2028" path=/"#))
    }

    @Test func lineOfJSONHasTheSameValue() throws {
        let text = line(path: "a b=\"c\"", .json)
        var object = try JSONObject(try JSONDocument(Array(text.utf8), depth: 4).root)
        #expect(try object.string("path") == "a b=\"c\"")
    }
}
