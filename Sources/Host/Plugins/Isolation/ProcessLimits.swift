/// What a plugin's own process may use, and how it is started again. Each is a member of the manifest.
package struct ProcessLimits: Equatable, Sendable {
    /// The most memory for data, threads' stacks included, in bytes: RLIMIT_DATA of setrlimit(2).
    package var memory: UInt64 = 1 << 30
    /// The most descriptors that are open at once: RLIMIT_NOFILE.
    package var files: UInt64 = 1024
    /// A process that ends sooner than this is started again only after a pause: 0.1 s, doubled each time to at most 10 s.
    package var steadyAfter = Duration.seconds(10)

    package init() {}

    package init(memory: UInt64, files: UInt64) {
        self.memory = memory
        self.files = files
    }

    /// With less, the process could not even start its threads.
    static let memoryRange = UInt64(256 << 20)...UInt64(1 << 44)
    static let filesRange = UInt64(128)...UInt64(1 << 20)

    /// Reads `512MiB` or `2GiB`, in bytes; nil when it is something else, or not in the range.
    static func memory(_ text: String) -> UInt64? {
        for (unit, size) in [("MiB", UInt64(1 << 20)), ("GiB", UInt64(1 << 30))] where text.hasSuffix(unit) {
            guard let number = number(text.dropLast(unit.count)) else { return nil }
            let (bytes, overflow) = number.multipliedReportingOverflow(by: size)
            return !overflow && memoryRange.contains(bytes) ? bytes : nil
        }
        return nil
    }

    /// Reads a number of descriptors; nil when it is something else, or not in the range.
    static func files(_ text: String) -> UInt64? { number(text[...]).flatMap { filesRange.contains($0) ? $0 : nil } }

    /// Digits and nothing else.
    private static func number(_ text: Substring) -> UInt64? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt64(text) : nil
    }
}
