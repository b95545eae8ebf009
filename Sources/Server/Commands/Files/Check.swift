import API
import ArgumentParser
import Glibc
import Store

/// The command `tidemark check`.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what files are, how many records they hold, and what is wrong with them.",
        discussion: """
            Works without a server, and writes nothing. A pool, a disk log and a journal are told by \
            their bytes; a ring by the base of its files' names or any of its files; a journal by \
            its folder or one log file. What a process has open is reported, not disturbed.

            Exits 0 if all is clean, 1 if something is damaged, not closed or in use, 2 if a file \
            cannot be read or told.
            """)

    @Argument(help: "Pools, logs, rings, journals.")
    var files: [String]

    @OptionGroup var options: FileOptions

    @ArgumentParser.Flag(help: "One line of JSON for each file.")
    var json = false

    func run() throws {
        var report = CheckReport(isJSON: json)
        for path in files { try report.check(path, options.kind) }
        try report.summarize()
        if report.exit != .clean { throw report.exit.code }
    }
}

/// Checks one file after the other, and prints what was found.
struct CheckReport {
    let isJSON: Bool
    private(set) var exit = FileExit.clean
    private var seen: Set<String> = []
    private var states: [String: Int] = [:]

    init(isJSON: Bool) { self.isJSON = isJSON }

    mutating func check(_ path: String, _ kind: RecordFile.Kind?) throws {
        for line in look(at: path, kind) { try printLine(line) }
    }

    /// What is to be said of a file; nothing of one that was looked at before.
    private mutating func look(at path: String, _ kind: RecordFile.Kind?) -> [String] {
        do throws(StoreError) {
            let file = try RecordFile(path, kind: kind)
            // The files of a ring are one log, however many of them are named.
            guard seen.insert(file.identity).inserted else { return [] }
            let progress = ProgressLine(total: file.size)
            let findings = try file.check { progress.show($0) }
            progress.clear()
            add(findings.state.rawValue, findings.state == .clean ? .clean : .damaged)
            return isJSON ? [findings.document(of: file).text] : findings.lines(of: file)
        } catch {
            add("unknown", .failed)
            guard isJSON else { return ["\(path): \(error.text)"] }
            let document: JSONValue = [
                "path": .string(path), "state": "unknown", "error": .string(error.text),
            ]
            return [document.text]
        }
    }

    private mutating func add(_ state: String, _ result: FileExit) {
        states[state, default: 0] += 1
        exit = max(exit, result)
    }

    func summarize() throws {
        let count = states.values.reduce(0, +)
        guard count > 1, !isJSON else { return }
        let words = [
            ("clean", "clean"), ("not_closed", "not closed"), ("in_use", "in use"),
            ("damaged", "damaged"), ("unknown", "unknown"),
        ]
        let parts = words.compactMap { state, word in states[state].map { "\($0) \(word)" } }
        try printLine("\(count) checked: " + parts.joined(separator: ", "))
    }
}
