import Testing

@testable import API

@Suite struct RecordBatchTests {
    private func batch(_ body: String, _ type: MediaType) throws -> RecordBatch {
        try RecordBatch(Array(body.utf8), type: type, limits: RecordBatch.Limits())
    }

    @Test(arguments: [MediaType.octetStream, .text, .form])
    func aPlainBodyIsOneRecordAsItIs(_ type: MediaType) throws {
        let batch = try batch("a=b&c=%20", type)
        #expect(batch.bytes == Array("a=b&c=%20".utf8))
        #expect(batch.lengths == [9])
    }

    @Test func envelopesAreTakenInOrder() throws {
        let batch = try batch(
            #"{"records":[{"text":"é"},{"b64":"AAE="},{"json":{"a": [1, 0.1]}}]}"#, .json)
        #expect(batch.lengths == [2, 2, 13])
        #expect(batch.bytes == Array("é".utf8) + [0, 1] + Array(#"{"a":[1,0.1]}"#.utf8))
    }

    @Test(arguments: [
        #"{}"#, #"{"record":{"text":"a"},"records":[]}"#, #"{"records":{}}"#,
        #"{"record":{"text":1}}"#, #"{"record":{"b64":"A"}}"#, #"{"record":{}}"#,
        #"{"record":{"text":"a","b64":""}}"#, #"{"record":{"hex":"00"}}"#, #"{"record":"a"}"#,
    ])
    func otherBodiesOfJSONAreBadRecords(_ body: String) {
        #expect { try batch(body, .json) } throws: { ($0 as? Problem)?.code == .badRecord }
    }

    @Test func linesAreTakenWithAndWithoutALastLineEnd() throws {
        #expect(try batch("{\"text\":\"a\"}\n{\"text\":\"b\"}", .ndjson).lengths == [1, 1])
        #expect(try batch("{\"text\":\"a\"}\n{\"text\":\"b\"}\n", .ndjson).lengths == [1, 1])
    }

    @Test func aFaultInALineNamesTheLine() {
        #expect { try batch("{\"text\":\"a\"}\n{\"x\":1}\n", .ndjson) } throws: {
            ($0 as? Problem)?.detail.hasPrefix("line 2:") == true
        }
        #expect { try batch("{\"text\":\"a\"}\n\n{\"text\":\"b\"}", .ndjson) } throws: {
            ($0 as? Problem)?.detail.hasPrefix("line 2 ") == true
        }
    }

    @Test func framesAreTakenByTheirLengths() throws {
        let body: [UInt8] = [0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1, 9]
        let batch = try RecordBatch(body, type: .frames, limits: RecordBatch.Limits())
        #expect(batch.bytes == [7, 8, 9])
        #expect(batch.lengths == [2, 0, 1])
    }

    @Test(arguments: [[0, 0, 0], [0, 0, 0, 2, 1], [255, 255, 255, 255, 1]])
    func brokenFramesNameTheirByte(_ body: [UInt8]) {
        #expect { try RecordBatch(body, type: .frames, limits: RecordBatch.Limits()) } throws: {
            let problem = $0 as? Problem
            return problem?.code == .badRecord && problem?.detail.contains("byte 0") == true
        }
    }

    @Test(arguments: [2, 3, 4])
    func aBatchMayHoldSoManyRecordsAndNotMore(_ count: Int) throws {
        var limits = RecordBatch.Limits()
        limits.records = 3
        let body = Array(String(repeating: "{\"text\":\"a\"}\n", count: count).utf8)
        if count <= 3 {
            #expect(try RecordBatch(body, type: .ndjson, limits: limits).lengths.count == count)
        } else {
            #expect { try RecordBatch(body, type: .ndjson, limits: limits) } throws: {
                ($0 as? Problem)?.code == .tooLarge
            }
        }
    }

    @Test(arguments: [9, 10, 11])
    func aRecordMayBeSoLongAndNotLonger(_ size: Int) throws {
        var limits = RecordBatch.Limits()
        limits.recordBytes = 10
        let body = [UInt8](repeating: 1, count: size)
        if size <= 10 {
            #expect(try RecordBatch(body, type: .octetStream, limits: limits).bytes == body)
        } else {
            #expect(throws: Problem.self) {
                try RecordBatch(body, type: .octetStream, limits: limits)
            }
        }
    }

    @Test func deepValuesInARecordAreTakenUpToTheLimit() throws {
        let deep = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        #expect(try batch("{\"records\":[{\"json\":\(deep)}]}", .json).bytes == Array(deep.utf8))
        #expect { try batch("{\"records\":[{\"json\":[\(deep)]}]}", .json) } throws: {
            ($0 as? Problem)?.code == .badJSON
        }
    }
}

@Suite struct ChunkEncoderTests {
    private func encode(_ encoder: some ChunkEncoder, pieces: [[UInt8]]) -> [UInt8] {
        var encoder = encoder
        var output: [UInt8] = []
        encoder.begin(offset: 10, length: pieces.reduce(0) { $0 + $1.count }, to: &output)
        for piece in pieces { piece.withUnsafeBytes { encoder.piece($0, to: &output) } }
        encoder.end(to: &output)
        encoder.finish(EndObject(next: "t", position: 16, records: 1, bytes: 6), to: &output)
        return output
    }

    private let end = #"{"end":true,"next":"t","position":16,"records":1,"bytes":6}"#

    @Test(arguments: [
        [Array("foobar".utf8)], [Array("f".utf8), Array("oo".utf8), Array("bar".utf8)],
        [Array("foob".utf8), [], Array("ar".utf8)],
    ])
    func piecesMakeNoDifferenceInLines(_ pieces: [[UInt8]]) {
        let line = #"{"offset":10,"length":6,"b64":"Zm9vYmFy"}"#
        #expect(
            String(decoding: encode(NDJSONChunks(), pieces: pieces), as: UTF8.self)
                == "\(line)\n\(end)\n")
    }

    @Test func framesEndWithAMarkedObject() {
        let output = encode(FrameChunks(), pieces: [Array("foo".utf8), Array("bar".utf8)])
        let expected: [UInt8] =
            [0, 0, 0, 6] + Array("foobar".utf8) + [
                255, 255, 255, 255, 0, 0, 0, UInt8(end.utf8.count),
            ]
        #expect(output == expected + Array(end.utf8))
    }

    @Test func aCutChunkIsMarkedInLinesAndCannotBeInFrames() {
        var lines = NDJSONChunks()
        var output: [UInt8] = []
        lines.begin(offset: 0, length: 9, to: &output)
        let linesCanSayIt = lines.cut(to: &output)
        #expect(linesCanSayIt)
        #expect(output == Array("{\"offset\":0,\"length\":9,\"b64\":\"\",\"cut\":true}\n".utf8))
        var frames = FrameChunks()
        let framesCanSayIt = frames.cut(to: &output)
        #expect(!framesCanSayIt)
    }
}
