/// Remembers what was used last: the last `capacity` entries at least, and twice as many at most.
struct RecentMemory<Key: Hashable, Value> {
    private var recent: [Key: Value] = [:]
    /// What `recent` held when it was full: what is used again moves over, and what is not is forgotten.
    private var older: [Key: Value] = [:]
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// What is remembered of `key`, which is used by that.
    mutating func value(for key: Key) -> Value? {
        if let value = recent[key] { return value }
        guard let value = older[key] else { return nil }
        remember(value, for: key)
        return value
    }

    mutating func remember(_ value: Value, for key: Key) {
        if recent.count >= capacity, recent[key] == nil {
            older = recent
            recent = [:]
        }
        recent[key] = value
    }
}
