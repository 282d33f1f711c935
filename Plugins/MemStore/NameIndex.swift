import PluginKit

/// Names in order, for a set that is changed often and listed seldom: an insertion costs O(1) and is paid for by the next
/// listing.
///
/// Sorted runs, each at least twice as long as the next (Bentley and Saxe's logarithmic method). A listing first sorts what
/// was inserted since the last one into a run of its own, merges runs of similar length, and then reads its page from all
/// runs at once: the page's length times the number of runs, which is at most the logarithm of the number of names. A
/// removed name stays in its run, and is passed over, until half of what the runs hold is removed names.
struct NameIndex {
    private var runs: [[KeyName]] = []
    private var inserted: [KeyName] = []
    private var removedCount = 0

    /// Adds a name that is not in the set now. It may have been, and have been removed.
    mutating func insert(_ name: KeyName) { inserted.append(name) }

    /// Notes that a name left the set, which now consists of `remaining`.
    mutating func noteRemoval(remaining: some Collection<KeyName>) {
        removedCount += 1
        // Amortised O(1): the rebuild at the next listing costs less than the removals that led to it.
        guard removedCount > 1024, removedCount > remaining.count else { return }
        runs = []
        inserted = Array(remaining)
        removedCount = 0
    }

    /// The first `limit` names that begin with `prefix`, are greater than `after`, and are in the set.
    mutating func page(prefix: String, after: String, limit: Int, isMember: (KeyName) -> Bool) -> [KeyName] {
        settle()
        var positions = runs.map { NameIndex.start(in: $0, prefix: prefix, after: after) }
        var page: [KeyName] = []
        while page.count < limit, let name = takeSmallest(&positions), name.text.hasASCIIPrefix(prefix) {
            if isMember(name) { page.append(name) }
        }
        return page
    }

    /// The smallest name at the positions, which move behind it in every run that has it.
    private func takeSmallest(_ positions: inout [Int]) -> KeyName? {
        var smallest: KeyName?
        for (run, position) in zip(runs, positions) where position < run.count {
            if smallest.map({ run[position] < $0 }) ?? true { smallest = run[position] }
        }
        guard let smallest else { return nil }
        for index in runs.indices where positions[index] < runs[index].count && runs[index][positions[index]] == smallest {
            positions[index] += 1
        }
        return smallest
    }

    /// Turns what was inserted into a run, and restores that each run is at least twice as long as the next.
    private mutating func settle() {
        guard !inserted.isEmpty else { return }
        // A name that was removed and inserted again is there more than once.
        var run: [KeyName] = []
        for name in inserted.sorted() where name != run.last { run.append(name) }
        runs.append(run)
        inserted = []
        while runs.count > 1, runs[runs.count - 2].count < 2 * runs[runs.count - 1].count {
            let (shorter, longer) = (runs.removeLast(), runs.removeLast())
            runs.append(NameIndex.merge(longer, shorter))
        }
    }

    /// Merges sorted runs; a name that is in both is taken once.
    private static func merge(_ left: [KeyName], _ right: [KeyName]) -> [KeyName] {
        var merged: [KeyName] = []
        merged.reserveCapacity(left.count + right.count)
        var (i, j) = (0, 0)
        while i < left.count, j < right.count {
            if left[i] < right[j] {
                merged.append(left[i])
                i += 1
            } else {
                if left[i] == right[j] { i += 1 }
                merged.append(right[j])
                j += 1
            }
        }
        merged.append(contentsOf: left[i...])
        merged.append(contentsOf: right[j...])
        return merged
    }

    /// Where in a sorted run the names begin that are greater than `after` and not less than `prefix`.
    private static func start(in run: [KeyName], prefix: String, after: String) -> Int {
        var (low, high) = (0, run.count)
        while low < high {
            let middle = low + (high - low) / 2
            if run[middle].text > after && run[middle].text >= prefix { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension String {
    /// `hasPrefix` by bytes: of a text that is ASCII, without a look at Unicode's equivalences.
    fileprivate func hasASCIIPrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }
}
