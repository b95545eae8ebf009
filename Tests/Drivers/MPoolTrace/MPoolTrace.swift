import Glibc
import Store

/// Replays a trace on a buffer pool, or lets threads hammer one that other processes share.
///
/// ```
/// MPoolTrace replay FOLDER TRACE [shared] [s3fifo]     prints what happened as JSON
/// MPoolTrace hammer FOLDER FILE PAGES THREADS OPERATIONS SEED
/// MPoolTrace check FOLDER FILE PAGES
/// MPoolTrace hold FOLDER FILE PGNO                     pins a page, says so, and waits
/// MPoolTrace unlink FOLDER force|kindly
/// ```
@main enum MPoolTrace {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        do throws(StoreError) {
            switch words.first {
            case "replay" where words.count >= 3: try replay(Array(words.dropFirst()))
            case "hammer" where words.count == 7:
                try Hammer(Array(words.dropFirst())).run()
            case "check" where words.count == 4:
                try Hammer(Array(words.dropFirst())).check()
            case "hold" where words.count == 4:
                try Hammer(Array(words.dropFirst())).hold()
            case "unlink" where words.count == 3:
                try MPool.unlink(words[1], force: words[2] == "force")
            default:
                print("usage: MPoolTrace replay|hammer|check|hold|unlink FOLDER ...")
                exit(2)
            }
        } catch {
            print("failed: \(errnoName(error.errnoOfMPool)) \(error)")
            exit(1)
        }
    }

    private static func replay(_ words: [String]) throws(StoreError) {
        guard let stream = fopen(words[1], "r") else { exit(2) }
        defer { fclose(stream) }
        let replay = Replay(
            folder: words[0], isShared: words.contains("shared"),
            policy: words.contains("s3fifo") ? .s3fifo : .lru)
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, stream) >= 0 {
            guard let line else { break }
            try replay.run(line: String(cString: line))
        }
        print(try replay.result())
    }
}
