/// What checks that did not come to their end leave in a keystore that others use, removed by a worker of its own.
enum Sweep {
    /// Removes the keys whose names hold the session's prefix and whose values are those of checks: a key that somebody else has stored
    /// under such a name stays. Tells `swept`, or why not all could be removed.
    static func run(_ session: Session) {
        var instance: Instance?
        let opened = Instance.open(session, configuration: session.configuration, instance: &instance)
        guard let store = instance else { return session.tell("open() answered \(opened)") }
        defer { store.close() }
        let size = 1000
        var (last, isWhole) = ("", false)
        while !isWhole {
            let (outcome, names) = store.list(prefix: "", after: last, limit: size)
            guard outcome.code == .ok else { return session.tell("list() answered \(outcome)") }
            for name in names where name.contains(session.prefix) {
                let (read, value) = store.get(name)
                guard read.code == .ok || read.code == .notFound else { return session.tell("get() answered \(read)") }
                guard let value, isOurs(value, session.marker) else { continue }
                let removed = store.remove(name)
                guard removed.code == .ok || removed.code == .notFound else {
                    return session.tell("remove() answered \(removed)")
                }
            }
            // A list that does not go on would never end.
            isWhole = names.count < size || names.last.map { $0 <= last } ?? true
            last = names.last ?? last
        }
        session.tell("swept")
    }

    private static func isOurs(_ value: [UInt8], _ marker: SecretMarker) -> Bool {
        let size = min(value.count, marker.bytes.count)
        return value.prefix(size).elementsEqual(marker.bytes.prefix(size)) || ValueChecks.ofBytes.contains(value)
    }
}
