/// Writes figures in Prometheus's text format 0.0.4, or in OpenMetrics 1.0.
struct MetricsText {
    enum Kind: String { case counter, gauge, histogram }

    private let prefix: String
    private let isOpenMetrics: Bool
    private var lines: [String] = []

    init(prefix: String, isOpenMetrics: Bool) {
        self.prefix = prefix
        self.isOpenMetrics = isOpenMetrics
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        add(name, kind, help, [([:], value)])
    }

    mutating func add(
        _ name: String, _ kind: Kind, _ help: String, _ values: [([String: String], Double)]
    ) {
        let name = begin(name, kind, help)
        for (labels, value) in values { line(name, labels, value) }
    }

    mutating func add(_ name: String, _ help: String, _ values: [([String: String], Histogram)]) {
        let name = begin(name, .histogram, help)
        for (labels, histogram) in values {
            var sum = 0
            for (index, count) in histogram.counts.enumerated() {
                sum += count
                let bound = index < histogram.bounds.count ? "\(histogram.bounds[index])" : "+Inf"
                line(name + "_bucket", labels.merging(["le": bound]) { $1 }, Double(sum))
            }
            line(name + "_sum", labels, histogram.sum)
            line(name + "_count", labels, Double(sum))
        }
    }

    /// A figure of the process, which has no prefix of ours.
    mutating func addProcess(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        describe(name, kind, help)
        line(name, [:], value)
    }

    func finish() -> String {
        lines.joined(separator: "\n") + (isOpenMetrics ? "\n# EOF\n" : "\n")
    }

    /// OpenMetrics calls counters by their names without `_total`.
    private mutating func describe(_ name: String, _ kind: Kind, _ help: String) {
        let family =
            isOpenMetrics && kind == .counter ? String(name.dropLast("_total".utf8.count)) : name
        lines.append("# HELP \(family) \(help)\n# TYPE \(family) \(kind.rawValue)")
    }

    private mutating func begin(_ name: String, _ kind: Kind, _ help: String) -> String {
        let full = "\(prefix)_\(name)"
        describe(full, kind, help)
        return full
    }

    private mutating func line(_ name: String, _ labels: [String: String], _ value: Double) {
        let inside = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
        let braces = inside.isEmpty ? "" : "{\(inside.joined(separator: ","))}"
        let number = value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
        lines.append("\(name)\(braces) \(number)")
    }
}
