/// Whether keys of a map are all different.
enum KeyCheck {
    /// Few are compared in pairs, many through a table, in a time that grows with their number.
    static func hasDuplicates(_ keys: ArraySlice<Fingerprint>) -> Bool {
        keys.withUnsafeBufferPointer { $0.count <= 12 ? comparesEqual($0) : collides($0) }
    }

    private static func comparesEqual(_ keys: UnsafeBufferPointer<Fingerprint>) -> Bool {
        for right in keys.indices {
            for left in 0..<right where keys[left] == keys[right] { return true }
        }
        return false
    }

    private static func collides(_ keys: UnsafeBufferPointer<Fingerprint>) -> Bool {
        var size = 32
        while size < 2 * keys.count { size *= 2 }
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: size) { table in
            // The number of a key plus one, 0 where there is none.
            table.initialize(repeating: 0)
            return collides(keys, in: table)
        }
    }

    private static func collides(
        _ keys: UnsafeBufferPointer<Fingerprint>, in table: UnsafeMutableBufferPointer<UInt32>
    ) -> Bool {
        for (number, key) in keys.enumerated() {
            var slot = key.slot(of: table.count)
            while table[slot] != 0 {
                if keys[Int(table[slot]) - 1] == key { return true }
                slot = (slot + 1) & (table.count - 1)
            }
            table[slot] = UInt32(truncatingIfNeeded: number + 1)
        }
        return false
    }
}
