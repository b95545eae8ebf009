import ArgumentParser
import Store

/// The command `tidemark repair`.
struct Repair: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keep what is good of a damaged log or journal, or of one that was not closed.",
        discussion: """
            Works without a server. The repaired copy goes to --to; with --in-place it takes the \
            place of the file, and what was there before stays beside it. A log is repaired as \
            Erlang's disk_log does it, a ring file by file, and then is closed. A journal is cut \
            where its whole records end, in its newest file only. In a pool nothing can be repaired.

            Refuses what a process has open. Exits 0 if it is whole now, 1 if damage is left that \
            cannot be cut off, 2 if nothing was done.
            """)

    @Argument(help: "A log, a ring or a journal.")
    var file: String

    @Option(help: ArgumentHelp("Where the repaired copy goes.", valueName: "path"))
    var to: String?

    @ArgumentParser.Flag(help: "Repair the file itself.")
    var inPlace = false

    @ArgumentParser.Flag(
        help: "Cut a journal also where whole records lie behind the damage, which are lost then.")
    var lossy = false

    @OptionGroup var options: FileOptions

    func validate() throws {
        guard (to != nil) != inPlace else {
            throw ValidationError("Give --to PATH for a repaired copy, or --in-place.")
        }
    }

    func run() throws {
        let path = inPlace ? RecordFile.following(file) : file
        let (parts, left) = try onFile { () throws(StoreError) in
            let file = try RecordFile(path, kind: options.kind)
            let progress = ProgressLine(total: file.size)
            defer { progress.clear() }
            let repair = FileRepair(file, isLossy: lossy) { progress.show($0) }
            return (try repair.run(to: to), try damageLeft(in: to ?? path, file.kind))
        }
        for part in parts {
            var line = "\(part.name): kept \(part.kept) records, lost \(part.badBytes) bytes"
            if let first = part.firstBad { line += ", the first at byte \(first) of what it was" }
            try printLine(line)
            if let saved = part.saved { try printLine("  what was there before: \(saved)") }
        }
        guard left.isEmpty else {
            for line in left { printError("tidemark: \(line)") }
            throw FileExit.damaged.code
        }
    }

    /// What is wrong still: a journal is only cut, whatever else there is to say of it.
    private func damageLeft(
        in path: String, _ kind: RecordFile.Kind
    ) throws(StoreError) -> [String] {
        guard kind == .journal else { return [] }
        return try RecordFile(path, kind: kind).check().damage
    }
}
