/// Whole requests of a connection that wait until there is room for their answers, in the order of their arrival.
struct WaitingRequests {
    private var streams: [HTTP2Stream] = []

    var isEmpty: Bool { streams.isEmpty }

    mutating func append(_ stream: HTTP2Stream) {
        stream.isWaiting = true
        streams.append(stream)
    }

    mutating func removeFirst() -> HTTP2Stream? {
        guard !streams.isEmpty else { return nil }
        let first = streams.removeFirst()
        first.isWaiting = false
        return first
    }

    /// For a stream that is closed, or answered without having begun. Does nothing when it does not wait.
    mutating func remove(_ stream: HTTP2Stream) {
        guard stream.isWaiting else { return }
        stream.isWaiting = false
        streams.removeAll { $0 === stream }
    }
}
