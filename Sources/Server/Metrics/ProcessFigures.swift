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

    private static func words(of path: String) -> [Double]? {
        guard let file = try? File(path: path, name: path, flags: O_RDONLY),
            let bytes = try? file.read(at: 0, count: 256)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap {
            Double($0)
        }
    }
}
