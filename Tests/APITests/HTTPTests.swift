import Testing

@testable import API

@Suite struct TargetTests {
    @Test func pathAndQueryAreDecodedSeparately() throws {
        let target = try Target("/v1/pools/a%2Fb/walk?chunk_size=4&name=x+y%26z")
        #expect(target.path == "/v1/pools/a%2Fb/walk")
        #expect(target.segments == ["v1", "pools", "a/b", "walk"])
        #expect(target.query.map(\.name) == ["chunk_size", "name"])
        #expect(target.query.map(\.value) == ["4", "x y&z"])
    }

    @Test(arguments: ["/a%00b", "/a%", "/a%4", "/a%zz", "/%ff"])
    func brokenEscapesInThePathAreNotFound(_ raw: String) {
        #expect { try Target(raw) } throws: { ($0 as? Problem)?.code == .notFound }
    }

    @Test func brokenEscapeInTheQueryIsABadParameter() {
        #expect { try Target("/a?b=%00") } throws: { ($0 as? Problem)?.code == .badParameter }
    }

    @Test(arguments: ["", "a", "http://host/", "*"])
    func whatDoesNotStartWithASlashIsRefused(_ raw: String) {
        #expect { try Target(raw) } throws: { ($0 as? Problem)?.code == .badRequest }
    }
}

@Suite struct AcceptanceTests {
    @Test(arguments: [
        (nil, MediaType.octetStream), ("*/*", .octetStream), ("application/json", .json),
        ("application/*;q=0.2, application/x-ndjson", .ndjson),
        ("application/json;q=0.5, application/x-ndjson;q=0.9", .ndjson),
        ("text/html, */*;q=0.1", .octetStream),
        ("*/*, application/octet-stream;q=0", .json),
    ])
    func theBestOfferedTypeIsChosen(_ header: String?, _ expected: MediaType) {
        let offered: [MediaType] = [.octetStream, .json, .ndjson]
        #expect(Acceptance(header).best(of: offered) == expected)
    }

    @Test(arguments: ["text/html", "application/json;q=0", "nonsense"])
    func nothingIsChosenThatTheClientDoesNotTake(_ header: String) {
        #expect(Acceptance(header).best(of: [.json]) == nil)
    }
}

@Suite struct MediaTypeTests {
    @Test(arguments: [
        ("application/json", MediaType.json), ("Application/JSON; charset=utf-8", .json),
        (" text/plain ;x=y", .text), ("application/x-record-frames", .frames),
    ])
    func contentTypesAreKnownWhateverTheirCaseAndParameters(_ text: String, _ type: MediaType) {
        #expect(MediaType(contentType: text) == type)
    }

    @Test func anUnknownTypeIsNone() { #expect(MediaType(contentType: "image/png") == nil) }
}

@Suite struct EntityTagTests {
    @Test func aTagReadsBackAsItself() {
        let tag = EntityTag(identity: "9f3a01c2", generation: 7, position: 2048)
        #expect(tag.text == "\"9f3a01c2.7-2048\"")
        #expect(EntityTag(tag.text) == tag)
    }

    @Test(arguments: ["", "\"\"", "9f.1-2", "W/\"9f.1-2\"", "\"9f.1\"", "\"9f.a-2\"", "\"1-2\""])
    func whatIsNoTagOfOursIsNone(_ text: String) { #expect(EntityTag(text) == nil) }

    @Test func aConditionHoldsAnyOrTheTagsOfOurs() {
        let tag = EntityTag(identity: "ab", generation: 1, position: 5)
        #expect(EntityTagCondition(" * ") == .any)
        #expect(EntityTagCondition("\"other\", \(tag.text)") == .tags([tag]))
        #expect(EntityTagCondition("\"other\"") == .tags([]))
    }
}

@Suite struct ByteRangeTests {
    @Test(arguments: [
        ("bytes=0-4", 0..<5), ("bytes=8-", 8..<10), ("bytes=-3", 7..<10), ("bytes=-30", 0..<10),
        ("bytes=9-99", 9..<10),
    ])
    func rangesAreResolvedWithinTheContent(_ header: String, _ expected: Range<Int>) {
        #expect(ByteRange(header)?.resolved(in: 10) == expected)
    }

    @Test(arguments: ["bytes=10-", "bytes=99-100", "bytes=-0"])
    func rangesBehindTheEndHaveNoBytes(_ header: String) throws {
        let range = try #require(ByteRange(header))
        #expect(range.resolved(in: 10) == nil)
    }

    @Test(arguments: ["bytes=", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "items=0-1", "bytes=+1-2"])
    func otherFormsArePassedOver(_ header: String) { #expect(ByteRange(header) == nil) }

    @Test func noRangeLiesInEmptyContent() {
        #expect(ByteRange("bytes=0-")?.resolved(in: 0) == nil)
        #expect(ByteRange("bytes=-5")?.resolved(in: 0) == nil)
    }
}

@Suite struct PreferenceTests {
    @Test func knownPreferencesAreFoundAmongOthers() {
        let preference = Preference("respond-async, return=minimal; x=y, wait=10")
        #expect(preference.wantsMinimal)
        #expect(Preference(nil) == Preference("return=representation"))
    }
}

@Suite struct HeaderNameTests {
    @Test func everyHeaderIsFoundInWhateverCase() {
        for name in HeaderName.allCases {
            let bytes = Array(name.rawValue.uppercased().utf8)
            #expect(bytes.withUnsafeBytes { HeaderName($0) } == name)
        }
    }

    @Test func otherHeadersAreNone() {
        #expect(Array("x-forwarded-for".utf8).withUnsafeBytes { HeaderName($0) } == nil)
        #expect(
            Array(repeating: UInt8(ascii: "a"), count: 5000).withUnsafeBytes { HeaderName($0) }
                == nil)
    }
}

@Suite struct TraceParentTests {
    @Test func aTraceIsTakenFromItsHeader() throws {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let trace = try #require(TraceParent(header))
        #expect(trace.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(trace.parentID == "00f067aa0ba902b7")
        #expect(TraceParent("01" + header.dropFirst(2) + "-more") == trace)
    }

    @Test(arguments: [
        "", "00-x-y-01", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    ])
    func aMalformedHeaderIsPassedOver(_ header: String) { #expect(TraceParent(header) == nil) }
}
