import FoundationEssentials

/// A moment as the server wrote it: RFC 3339, up to nanoseconds.
public struct Timestamp: Sendable, Hashable, Decodable, CustomStringConvertible {
    /// As in `2026-01-02T03:04:05.678901234Z`.
    public let description: String
    /// The moment, to the precision of `Date`.
    public let date: Date

    /// Parses RFC 3339, or returns nil.
    public init?(_ text: String) {
        guard let date = Self.parse(text) else { return nil }
        self.description = text
        self.date = date
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let timestamp = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a time of RFC 3339")
        }
        self = timestamp
    }

    private static func parse(_ text: String) -> Date? {
        if let date = try? Date(text, strategy: .iso8601) { return date }
        return try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
