import CLinux

/// Patterns with a `*` inside.
extension Pattern {
    private typealias Bytes = UnsafeBufferPointer<UInt8>

    private static let star = UInt8(ascii: "*")
    private static let slash = UInt8(ascii: "/")

    /// Matches `pattern`, in which `*` stands for a run of bytes other than `/`, against `path`, or against any beginning of it.
    ///
    /// No star reaches into another segment: each `/` of the path is matched by a `/` of the pattern. So segments are compared in pairs,
    /// and within one the pieces between stars are looked for one behind the other, each where it first occurs, which leaves the most for
    /// what follows. Nothing is looked at twice: a policy is written by somebody else than the server's operator, and decides on the event
    /// loop.
    static func globMatches(_ pattern: UnsafeBufferPointer<UInt8>, _ path: UnsafeBufferPointer<UInt8>, wholePath: Bool) -> Bool {
        var (pattern, path) = (pattern, path)
        while let end = pattern.firstIndex(of: slash) {
            guard let pathEnd = path.firstIndex(of: slash),
                segmentMatches(Bytes(rebasing: pattern[..<end]), Bytes(rebasing: path[..<pathEnd]), isWhole: true)
            else { return false }
            pattern = Bytes(rebasing: pattern[(end + 1)...])
            path = Bytes(rebasing: path[(pathEnd + 1)...])
        }
        let pathEnd = path.firstIndex(of: slash)
        guard wholePath else {
            return segmentMatches(pattern, Bytes(rebasing: path[..<(pathEnd ?? path.count)]), isWhole: false)
        }
        return pathEnd == nil && segmentMatches(pattern, path, isWhole: true)
    }

    /// Whether a segment of a pattern matches one of a path, all of it or a beginning.
    private static func segmentMatches(_ pattern: Bytes, _ segment: Bytes, isWhole: Bool) -> Bool {
        guard let firstStar = pattern.firstIndex(of: star) else {
            return isWhole && segment.count != pattern.count ? false : starts(segment, with: pattern)
        }
        guard starts(segment, with: Bytes(rebasing: pattern[..<firstStar])) else { return false }
        var segment = Bytes(rebasing: segment[firstStar...])
        var pattern = Bytes(rebasing: pattern[(firstStar + 1)...])
        while let next = pattern.firstIndex(of: star) {
            guard let end = endOfFirst(Bytes(rebasing: pattern[..<next]), in: segment) else { return false }
            segment = Bytes(rebasing: segment[end...])
            pattern = Bytes(rebasing: pattern[(next + 1)...])
        }
        guard isWhole else { return endOfFirst(pattern, in: segment) != nil }
        return segment.count >= pattern.count && starts(Bytes(rebasing: segment.suffix(pattern.count)), with: pattern)
    }

    private static func starts(_ text: Bytes, with start: Bytes) -> Bool { text.count >= start.count && hasPrefix(text, start) }

    /// Where the first occurrence of `piece` in `text` ends.
    private static func endOfFirst(_ piece: Bytes, in text: Bytes) -> Int? {
        guard !piece.isEmpty else { return 0 }
        guard let found = keswick_find(text.baseAddress, text.count, piece.baseAddress, piece.count), let start = text.baseAddress
        else { return nil }
        // It points into `text`.
        return found - UnsafeRawPointer(start) + piece.count
    }
}
