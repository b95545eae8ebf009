import Glibc
import Store

/// What the system knows of this process, by the names that Prometheus's clients use.
struct ProcessFigures {
    let name: String
    let help: String
    let value: Double
    let isCounter: Bool

    static var current: [ProcessFigures] {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
        let cpu = [usage.ru_utime, usage.ru_stime].reduce(0.0) {
            $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6
        }
        var figures = [
            ProcessFigures(
                name: "process_cpu_seconds_total", help: "CPU time.", value: cpu, isCounter: true),
            ProcessFigures(
                name: "process_max_fds", help: "Most open files.", value: Double(limit.rlim_cur),
                isCounter: false),
        ]
        if let count = openFiles {
            figures.append(
                ProcessFigures(
                    name: "process_open_fds", help: "Open files.", value: Double(count),
                    isCounter: false))
        }
        if let start = startTime {
            figures.append(
                ProcessFigures(
                    name: "process_start_time_seconds", help: "When it began, since 1970.",
                    value: start, isCounter: false))
        }
        if let pages = words(of: "/proc/self/statm"), pages.count > 1 {
            let size = Double(sysconf(Int32(_SC_PAGESIZE)))
            figures += [
                ProcessFigures(
                    name: "process_virtual_memory_bytes", help: "Virtual memory.",
                    value: pages[0] * size, isCounter: false),
                ProcessFigures(
                    name: "process_resident_memory_bytes", help: "Resident memory.",
                    value: pages[1] * size, isCounter: false),
            ]
        }
        return figures
    }

    /// Without the one that is opened to look.
    private static var openFiles: Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return count - 3
    }

    /// Seconds since 1970.
    private static let startTime: Double? = {
        guard let words = words(of: "/proc/self/stat", limit: 4096), words.count > 21,
            let text = try? File(path: "/proc/stat", name: "/proc/stat", flags: O_RDONLY).read(
                at: 0, count: 1 << 20),
            let boot = String(decoding: text, as: UTF8.self).split(separator: "\n")
                .first(where: { $0.hasPrefix("btime ") }).flatMap({ Double($0.dropFirst(6)) })
        else { return nil }
        return boot + words[21] / Double(sysconf(Int32(_SC_CLK_TCK)))
    }()

    /// What lies between blanks in a small file; what is no number counts as 0.
    private static func words(of path: String, limit: Int = 256) -> [Double]? {
        guard let file = try? File(path: path, name: path, flags: O_RDONLY),
            let bytes = try? file.read(at: 0, count: limit)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: " ").map {
            Double($0) ?? 0
        }
    }
}
