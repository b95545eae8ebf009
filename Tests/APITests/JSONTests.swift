import TestSupport
import Testing

@testable import API

@Suite struct JSONWriterTests {
    /// jansson reads back exactly what was written, for seeded random trees.
    @Test func janssonReadsBackWhatIsWritten() throws {
        let seed = Seed.current
        var random = SeededGenerator(seed: seed)
        for round in 0..<500 {
            let value = JSONValue.random(using: &random, depth: 5)
            let document = try JSONDocument(value.bytes, depth: 64)
            var writer = JSONWriter()
            try document.root.writeCompact(to: &writer)
            #expect(writer.bytes == value.bytes, "seed \(seed), round \(round)")
        }
    }

    @Test func controlCharactersAreEscaped() {
        #expect(JSONValue.string("a\u{0}\n\"\\\u{1F}ä").text == #""a\u0000\n\"\\\u001fä""#)
    }

    @Test(arguments: [0, 1, -1, 9, 10, 1_234_567_890, .max, .min])
    func integersAreWrittenInDecimal(_ number: Int) {
        #expect(JSONValue.integer(number).text == "\(number)")
    }

    @Test func membersMakeTheSameTextAsATree() {
        let tree: JSONValue = ["a": 1, "b": "x\"y", "c": ["d": [nil, true]]]
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("a", 1)
        writer.member("b", "x\"y")
        writer.member("c", tree["c"] ?? .null)
        writer.endObject()
        #expect(writer.bytes == tree.bytes)
    }

    @Test func realsAreWrittenInTheirShortestForm() throws {
        var writer = JSONWriter()
        try JSONDocument(Array("[0.1,1e100,-2.5,3.0]".utf8), depth: 2).root.writeCompact(
            to: &writer)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "[0.1,1e+100,-2.5,3.0]")
    }
}

@Suite struct JSONDocumentTests {
    @Test(arguments: ["", "{", "{\"a\":1,\"a\":2}", "[1,]", "{\"a\":1}x", "\u{FEFF}{}", "'a'"])
    func whatIsNotJSONIsRefused(_ text: String) {
        #expect { try JSONDocument(Array(text.utf8), depth: 8) } throws: {
            ($0 as? Problem)?.code == .badJSON
        }
    }

    @Test func brokenUTF8IsRefused() {
        #expect(throws: Problem.self) { try JSONDocument([0x22, 0xFF, 0x22], depth: 8) }
    }

    @Test(arguments: [7, 8, 9])
    func nestingIsTakenUpToTheLimit(_ depth: Int) throws {
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        if depth <= 8 {
            #expect(try JSONDocument(Array(text.utf8), depth: 8).root.elements != nil)
        } else {
            #expect(throws: Problem.self) { try JSONDocument(Array(text.utf8), depth: 8) }
        }
    }

    @Test func bracketsInStringsDoNotNest() throws {
        #expect(try JSONDocument(Array(#""[[[[\"[[[""#.utf8), depth: 1).root.string == "[[[[\"[[[")
    }

    @Test func anIntegralRealIsAnInteger() throws {
        let elements = try #require(
            try JSONDocument(Array("[2097152.0,1.5,7]".utf8), depth: 1).root.elements)
        #expect(elements.map(\.integer) == [2_097_152, nil, 7])
    }
}

@Suite struct JSONObjectTests {
    @Test func membersThatNobodyTookAreRefused() throws {
        let document = try JSONDocument(Array(#"{"a":1,"b":"x"}"#.utf8), depth: 2)
        var object = try JSONObject(document.root)
        let (one, none) = (try object.integer("a"), try object.string("c"))
        #expect(one == 1)
        #expect(none == nil)
        let rest = object
        #expect(throws: Problem(.unknownProperty, "there is no property /b", option: "b")) {
            try rest.finish()
        }
        _ = try object.string("b")
        try object.finish()
    }

    @Test func aMemberOfAnotherKindNamesItsPlace() throws {
        let document = try JSONDocument(Array(#"{"a":"1"}"#.utf8), depth: 2)
        #expect {
            var object = try JSONObject(document.root)
            _ = try object.integer("a")
        } throws: {
            ($0 as? Problem)?.detail == "/a must be an integer"
        }
    }
}

@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func theVectorsOfTheStandardHold(_ text: String, _ encoded: String) {
        var output: [UInt8] = []
        Array(text.utf8).withUnsafeBytes { Base64.encode($0, to: &output) }
        #expect(String(decoding: output, as: UTF8.self) == encoded)
        var decoded: [UInt8] = []
        let isDecoded = Base64.decode(encoded, to: &decoded)
        #expect(isDecoded)
        #expect(decoded == Array(text.utf8))
    }

    @Test(arguments: [
        "Zg", "Zg=", "Z===", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "-_==", "=Zg=", "Zg==Zg==",
    ])
    func otherFormsAreRefused(_ text: String) {
        var decoded: [UInt8] = []
        let isDecoded = Base64.decode(text, to: &decoded)
        #expect(!isDecoded)
    }
}

@Suite struct YAMLTextTests {
    @Test func scalarsThatYAMLWouldMisreadAreQuoted() {
        let value: JSONValue = [
            "a": "yes", "b": "1.0", "c": "plain text", "d": [1, ["x": nil]], "e": [:], "f": [],
            "g": "- dash", "200": true,
        ]
        #expect(
            YAMLText.text(of: value) == """
                a: "yes"
                b: "1.0"
                c: plain text
                d:
                  - 1
                  - x: null
                e: {}
                f: []
                g: "- dash"
                "200": true

                """)
    }
}
