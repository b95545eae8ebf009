import Foundation
import Testing

/// Reads the sources and holds them to what CONTRIBUTING.md asks for.
@Suite struct SourceStyleTests {
    struct Source: CustomTestStringConvertible {
        let path: String
        let lines: [String]
        var testDescription: String { path }
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func sources(below folder: String) -> [Source] {
        let base = root.appending(path: folder)
        let paths = FileManager.default.enumerator(atPath: base.path)?.compactMap { $0 as? String }
        return (paths ?? []).filter { $0.hasSuffix(".swift") }.sorted().compactMap { path in
            let text = try? String(contentsOf: base.appending(path: path), encoding: .utf8)
            return text.map { text in
                Source(
                    path: folder + "/" + path,
                    lines: text.split(separator: "\n", omittingEmptySubsequences: false)
                        .map(String.init))
            }
        }
    }

    private static let product = sources(below: "Sources")
    private static let all = product + sources(below: "Tests")

    private func places(
        in sources: [Source], where isBad: (_ line: String) -> Bool
    ) -> [String] {
        sources.flatMap { source in
            source.lines.enumerated().filter { !$0.element.contains("//") && isBad($0.element) }
                .map { "\(source.path):\($0.offset + 1): \($0.element)" }
        }
    }

    @Test func theSourcesAreFound() {
        #expect(Self.product.contains { $0.path == "Sources/Store/Store.swift" })
        #expect(Self.all.count > Self.product.count)
    }

    @Test func noFileIsLongerThanOneIdea() {
        for source in Self.all { #expect(source.lines.count <= 420, "\(source.path)") }
    }

    @Test func nothingThatInputCausesEndsTheProcess() {
        let words = ["try!", "fatalError(", "as! ", "unowned", "preconditionFailure("]
        let found = places(in: Self.product) { line in words.contains { line.contains($0) } }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func cLibrariesAreImportedOnlyWhereTheyAreWrapped() {
        let wrappers = [
            "CPMemLog": ["Sources/Store/PmemLog/PmemPool.swift"],
            "CJansson": ["Sources/API/JSON/"],
            "CMicroHTTPD": ["Sources/Server/HTTP/"],
            "CGnuTLS": ["Sources/Server/Access/"],
            "CPageCipher": ["Sources/Store/MPool/Filters/PageCipher.swift"],
            "CZstd": ["Sources/Store/MPool/Filters/PageCompressor.swift"],
            "CZlib": [
                "Sources/Store/Term/Inflater.swift",
                "Sources/Store/DiskLog/Files/RotateArchives.swift",
                "Sources/Store/Journal/Format/JournalCompressor.swift",
            ],
            "CSnappy": ["Sources/Store/Journal/Format/JournalCompressor.swift"],
            "CCRC32C": ["Sources/Store/Checksum/CRC32C.swift"],
            "CLinux": [
                "Sources/Store/File/File.swift", "Sources/Store/Threads/Workers.swift",
                "Sources/Store/MPool/Region/RegionMemory.swift",
                "Sources/Store/MPool/Pool/StampClock.swift",
                "Sources/Server/HTTP/Acceptor.swift",
                "Sources/Server/HTTP/ConnectionRecord.swift", "Sources/Server/Tidemark.swift",
            ],
        ]
        for source in Self.product {
            for (module, places) in wrappers where source.lines.contains("import \(module)") {
                #expect(places.contains { source.path.hasPrefix($0) }, "\(source.path): \(module)")
            }
        }
    }

    @Test func modulesKnowOnlyWhatIsBelowThem() {
        let forbidden = [
            "Sources/API/": ["Store", "Server", "CMicroHTTPD", "CPMemLog"],
            "Sources/Store/": ["API", "Server", "CMicroHTTPD", "CJansson", "Logging"],
        ]
        for (folder, modules) in forbidden {
            for source in Self.product where source.path.hasPrefix(folder) {
                for module in modules {
                    let isImported = source.lines.contains { $0.hasSuffix("import \(module)") }
                    #expect(!isImported, "\(source.path) imports \(module)")
                }
            }
        }
    }

    @Test func foundationIsLeftOut() {
        let found = places(in: Self.product) { $0.hasPrefix("import Foundation") }
        #expect(found.isEmpty, "\(found)")
    }

    /// What the compiler can't check is explained beside it.
    @Test func everyUncheckedConformanceSaysWhyItHolds() {
        for source in Self.product {
            for (index, line) in source.lines.enumerated()
            where line.contains("@unchecked Sendable") {
                let around = source.lines[max(0, index - 2)..<min(index + 4, source.lines.count)]
                #expect(
                    around.contains { $0.contains("Sendable because") || $0.contains("locks it") },
                    "\(source.path):\(index + 1)")
            }
        }
    }

    @Test func testsDoNotSleepToBeRight() {
        let words = ["usleep(", "Thread.sleep", "Task.sleep", "sleep("]
        let found = places(in: Self.all.filter { $0.path.hasPrefix("Tests/") }) { line in
            words.contains { line.contains($0) && !line.contains("\"\($0)") }
        }
        #expect(found.isEmpty, "\(found)")
    }

    @Test func filesAreNamedAfterWhatIsInThem() {
        let vague = ["Utils", "Util", "Helpers", "Helper", "Common", "Misc", "Extensions"]
        for source in Self.all {
            let name = source.path.split(separator: "/").last?.dropLast(6) ?? ""
            #expect(!vague.contains { name.hasSuffix($0) }, "\(source.path)")
        }
    }
}
