import Foundation
import Testing

@testable import API

@Suite struct ContractTests {
    private let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    @Test func openapiYAMLIsWhatTheOperationsDescribe() throws {
        let file = try String(contentsOf: root.appending(path: "openapi.yaml"), encoding: .utf8)
        let version = try #require(file.firstMatch(of: /\n  version: "(.*)"\n/)).1
        let document = OpenAPIDocument.document(version: String(version))
        let isTheSame = YAMLText.text(of: document) == file
        #expect(isTheSame, "run: tidemark openapi > openapi.yaml, and look at what changed")
    }

    @Test func everyOperationHasAnIdentifierOfItsOwn() {
        let ids = Operation.all.map(\.description.id)
        #expect(Set(ids).count == ids.count)
    }

    @Test func everyOperationSaysWhatItAnswers() {
        for description in Operation.all.map(\.description) {
            #expect(
                !description.summary.isEmpty && !description.answers.isEmpty, "\(description.id)")
            #expect(
                description.bodies.isEmpty == (description.bodyLimit == .none), "\(description.id)")
        }
    }

    @Test func everyProblemHasAnErrorStatusAndATitle() {
        for code in ProblemCode.allCases {
            #expect((400..<600).contains(code.status), "\(code)")
            #expect(!code.title.isEmpty && !code.title.hasSuffix("."), "\(code)")
            #expect(code.retryAfterSeconds == nil || code.isRetryable, "\(code)")
        }
    }

    @Test func aProblemDocumentHasWhatTheContractRequires() {
        var problem = Problem(.poolFull, "no room", applied: .no)
        problem.add("free", 3)
        problem.reason = "ENOSPC"
        let document = problem.document(instance: "/v1/pools/p/append", requestID: "r")
        #expect(
            document.text
                == #"{"type":"/problems/pool_full","title":"The pool has no room for this","#
                + #""status":507,"code":"pool_full","detail":"no room","#
                + #""instance":"/v1/pools/p/append","request_id":"r","reason":"ENOSPC","#
                + #""retryable":false,"applied":"no","free":3}"#)
    }
}
