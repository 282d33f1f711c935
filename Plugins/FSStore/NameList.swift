import Glibc
import PluginKit

/// The names in a directory at one moment, in order. All in one piece of memory: 50,000 names are one allocation of each array.
struct NameList: Sendable {
    private var bytes: [UInt8] = []
    /// Where each name is in `bytes`, in the order of the names.
    private var ranges: [(start: UInt32, end: UInt32)] = []

    /// The number of names.
    var count: Int { ranges.count }

    /// Adds a name at the end. `sort` must be called before the list is read.
    mutating func append(_ name: UnsafeRawBufferPointer) {
        let start = UInt32(bytes.count)
        bytes.append(contentsOf: name)
        ranges.append((start, UInt32(bytes.count)))
    }

    /// Puts the names in order and each once: a directory may give a name twice that is removed and made again meanwhile.
    mutating func sort() {
        let unsorted = ranges
        ranges = bytes.withUnsafeBytes { bytes in
            let sorted = unsorted.sorted { compare(bytes, $0, $1) < 0 }
            var kept: [(start: UInt32, end: UInt32)] = []
            kept.reserveCapacity(sorted.count)
            for range in sorted where kept.last.map({ compare(bytes, $0, range) != 0 }) ?? true { kept.append(range) }
            return kept
        }
    }

    /// Where the names begin that are greater than `after` and not less than `prefix`.
    func position(prefix: String, after: String) -> Int {
        // Both are ASCII: Swift compares them by their bytes.
        let (bound, isIncluded) = prefix > after ? (prefix, true) : (after, false)
        var text = bound
        return text.withUTF8 { bound in
            let bound = UnsafeRawBufferPointer(bound)
            return bytes.withUnsafeBytes { bytes in
                var (low, high) = (0, ranges.count)
                while low < high {
                    let middle = low + (high - low) / 2
                    let order = compare(slice(bytes, ranges[middle]), bound)
                    if order > 0 || (order == 0 && isIncluded) { high = middle } else { low = middle + 1 }
                }
                return low
            }
        }
    }

    /// The name at a position; nothing at the end, or when it does not begin with `prefix`.
    func name(at position: Int, prefix: String) -> KeyName? {
        guard position < ranges.count else { return nil }
        return bytes.withUnsafeBytes { bytes in
            let name = slice(bytes, ranges[position])
            return name.starts(with: prefix.utf8) ? KeyName(bytes: name) : nil
        }
    }

    private func slice(_ bytes: UnsafeRawBufferPointer, _ range: (start: UInt32, end: UInt32)) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[Int(range.start)..<Int(range.end)])
    }

    private func compare(
        _ bytes: UnsafeRawBufferPointer, _ left: (start: UInt32, end: UInt32), _ right: (start: UInt32, end: UInt32)
    ) -> Int { compare(slice(bytes, left), slice(bytes, right)) }

    /// Negative, zero or positive as `left` stands before, at or behind `right`.
    private func compare(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
        let shared = min(left.count, right.count)
        if shared > 0, let first = left.baseAddress, let second = right.baseAddress {
            let order = memcmp(first, second, shared)
            if order != 0 { return Int(order) }
        }
        return left.count - right.count
    }
}
