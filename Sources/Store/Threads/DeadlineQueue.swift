/// Deadlines of callbacks, of which the earliest is always at hand: a binary heap.
struct DeadlineQueue {
    struct Entry {
        let deadline: Instant
        let token: Timers.Token
    }

    private var heap: [Entry] = []

    var count: Int { heap.count }
    var first: Entry? { heap.first }

    mutating func insert(_ entry: Entry) {
        heap.append(entry)
        rise(heap.count - 1)
    }

    mutating func removeFirst() {
        guard let last = heap.popLast(), !heap.isEmpty else { return }
        heap[0] = last
        sink(0)
    }

    /// Removes the entries whose token does not pass.
    mutating func keep(_ passes: (Timers.Token) -> Bool) {
        heap = heap.filter { passes($0.token) }.sorted { $0.deadline < $1.deadline }
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard heap[place].deadline < heap[parent].deadline else { return }
            heap.swapAt(place, parent)
            place = parent
        }
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var smallest = place
            for child in [2 * place + 1, 2 * place + 2]
            where child < heap.count && heap[child].deadline < heap[smallest].deadline {
                smallest = child
            }
            guard smallest != place else { return }
            heap.swapAt(place, smallest)
            place = smallest
        }
    }
}
