import Foundation
import Testing

/// Reads what the container image is built from.
@Suite struct ImageTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func lines(of path: String) throws -> [String] {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
            .split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test func imageIsBuiltFromAllFoldersThatThePackageNames() throws {
        let manifest = try Self.lines(of: "Package.swift").joined(separator: "\n")
        let named = manifest.matches(of: /path: "([^"\/]+)/).map { String($0.1) }
        let folders = Set(named).union(["Sources"])
        #expect(folders.count > 2)
        let copied = try Self.lines(of: "docker/Dockerfile")
        let admitted = try Self.lines(of: ".dockerignore")
        for folder in folders {
            #expect(copied.contains("COPY \(folder) \(folder)"))
            #expect(admitted.contains("!\(folder)"))
        }
    }
}
