/// Some of the names of a listing, in bytewise order.
public struct NamePage: Sendable, Equatable {
    /// In bytewise order.
    public let names: [String]
    /// What to ask for to get the next page, or nil when this is the last one.
    public let continueAt: String?

    init(names: [String], continueAt: String?) {
        self.names = names
        self.continueAt = continueAt.flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// A page as servers write it.
struct NamedPage: Decodable {
    let page: NamePage

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        // Servers written in Go have null for a list without elements.
        let names = try container.decodeIfPresent([String].self, forKey: .names)
        let identities = try container.decodeIfPresent([String].self, forKey: .identities)
        page = NamePage(
            names: names ?? identities ?? [], continueAt: try container.decodeIfPresent(String.self, forKey: .continue_at))
    }

    private enum CodingKeys: CodingKey {
        case names
        case identities
        case continue_at
    }
}

/// The names of keys, policies or identities, over all pages.
public struct NameListing: AsyncSequence, Sendable {
    public typealias Element = String
    public typealias Failure = KESError

    let prefix: String
    let fetch: @Sendable (String) async throws(KESError) -> NamePage

    init(prefix: String, fetch: @escaping @Sendable (String) async throws(KESError) -> NamePage) {
        self.prefix = prefix
        self.fetch = fetch
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(next: prefix, fetch: fetch)
    }

    public struct Iterator: AsyncIteratorProtocol {
        private var next: String?
        private var names: ArraySlice<String> = []
        private let fetch: @Sendable (String) async throws(KESError) -> NamePage

        init(next: String, fetch: @escaping @Sendable (String) async throws(KESError) -> NamePage) {
            self.next = next
            self.fetch = fetch
        }

        public mutating func next() async throws(KESError) -> String? {
            try await next(isolation: nil)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(KESError) -> String? {
            while names.isEmpty, let pattern = next {
                let page = try await fetch(pattern)
                names = page.names[...]
                // A server whose token leads to the same page again must not keep the caller for ever.
                next = page.continueAt == pattern ? nil : page.continueAt
            }
            return names.popFirst()
        }
    }
}

extension NameListing {
    /// All names at once.
    public func all() async throws(KESError) -> [String] {
        var names: [String] = []
        for try await name in self { names.append(name) }
        return names
    }
}
