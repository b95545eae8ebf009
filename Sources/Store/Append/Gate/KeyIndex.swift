/// Which slots of a ring of keys may hold a name: a hash table of their numbers, 12 to 16 bytes a slot.
///
/// The names themselves stay in the file. Slots whose hashes are the same are one chain, and whoever looks
/// for a name reads those of its chain.
struct KeyIndex {
    /// By bucket, the number of the first slot of its chain, and 1; 0 for none.
    private var heads: [UInt32] = []
    /// By slot, the next one of its chain in the same way.
    private var nexts: [UInt32] = []
    /// By slot; 0 for one without a name.
    private var hashes: [UInt32] = []

    /// - Parameter count: how many slots there are to begin with.
    init(count: Int) { grow(to: count) }

    private static func hash(_ name: KeyDigest) -> UInt32 {
        UInt32(truncatingIfNeeded: name.high ^ name.high >> 32) | 1
    }

    private func bucket(_ hash: UInt32) -> Int { Int(hash >> 1) & (heads.count - 1) }

    /// The slots that may hold the name, those that were noted last first.
    func candidates(for name: KeyDigest) -> [Int] {
        let hash = Self.hash(name)
        var found: [Int] = []
        var link = heads[bucket(hash)]
        while link != 0 {
            let slot = Int(link) - 1
            if hashes[slot] == hash { found.append(slot) }
            link = nexts[slot]
        }
        return found
    }

    /// Notes that a slot holds the name, and no other any more.
    mutating func note(_ name: KeyDigest, in slot: Int) {
        if slot >= hashes.count { grow(to: max(slot + 1, 2 * hashes.count)) }
        remove(slot)
        hashes[slot] = Self.hash(name)
        link(slot)
    }

    /// Notes that a slot holds no name.
    mutating func remove(_ slot: Int) {
        guard slot < hashes.count, hashes[slot] != 0 else { return }
        let wanted = UInt32(slot) + 1
        let bucket = bucket(hashes[slot])
        if heads[bucket] == wanted {
            heads[bucket] = nexts[slot]
        } else {
            var before = Int(heads[bucket]) - 1
            while nexts[before] != wanted { before = Int(nexts[before]) - 1 }
            nexts[before] = nexts[slot]
        }
        hashes[slot] = 0
    }

    private mutating func link(_ slot: Int) {
        let bucket = bucket(hashes[slot])
        nexts[slot] = heads[bucket]
        heads[bucket] = UInt32(slot) + 1
    }

    /// Chains are about one slot long: there are as many buckets as slots, or up to twice as many.
    private mutating func grow(to count: Int) {
        var buckets = 64
        while buckets < count { buckets *= 2 }
        hashes += [UInt32](repeating: 0, count: count - hashes.count)
        nexts = [UInt32](repeating: 0, count: count)
        heads = [UInt32](repeating: 0, count: buckets)
        for slot in hashes.indices where hashes[slot] != 0 { link(slot) }
    }
}
