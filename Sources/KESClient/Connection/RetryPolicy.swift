/// When a client tries again what failed.
///
/// A call goes to the endpoints in turn; that is one round. Rounds follow each other with growing pauses, each of a random length up to
/// its limit ("full jitter"), so that clients of a server that comes back do not all call at once.
///
/// | What failed | Next endpoint | Next round |
/// |---|---|---|
/// | No connection | yes | yes |
/// | The server did nothing with the request | yes | yes |
/// | No connection in the time that the caller gave | yes | no, for none: the time is over |
/// | TLS: the server is not trusted, or refused the client | yes | no: it would fail again |
/// | The connection broke, after the request may have been sent | what may be repeated | what may be repeated |
/// | No answer in time | what may be repeated | no, for none: the time that the caller gave it is over |
/// | Answers 503 and 504: out of service, keystore out of reach | what may be repeated | what may be repeated |
/// | Answer 502: the keystore failed | what may be repeated | no |
/// | Any other answer | no | no |
///
/// What goes to no other endpoint ends the call, and is what it fails with, whatever the endpoints before it failed with.
///
/// May be repeated: reads, cryptographic calls, and writing and assigning policies, which give the same when they happen twice. May not:
/// creating, importing and deleting, where the second call would be told of the first one's success as an error.
public struct RetryPolicy: Sendable, Equatable {
    /// How often each endpoint is tried at most; 1 or more.
    public var rounds: Int
    /// The limit of the first pause. Each later one is twice as long.
    public var firstPause: Duration
    /// No pause is longer.
    public var longestPause: Duration

    public init(rounds: Int = 3, firstPause: Duration = .milliseconds(100), longestPause: Duration = .seconds(2)) {
        self.rounds = max(rounds, 1)
        self.firstPause = firstPause
        self.longestPause = longestPause
    }

    /// Three rounds, with pauses of up to 100 ms and 200 ms.
    public static let standard = RetryPolicy()
    /// One round.
    public static let never = RetryPolicy(rounds: 1)

    /// The pause after round `round`, which counts from 0.
    ///
    /// - Parameter fraction: a random number from 0 to 1.
    package func pause(after round: Int, fraction: Double) -> Duration {
        // 2^20 first pauses are longer than any limit that makes sense.
        let longest = longestPause.sleepable
        return min(min(firstPause, longest) * (1 << min(round, 20)), longest) * fraction
    }
}

extension Duration {
    /// 100 years where it is more, "for ever" in the words of a caller: the clocks of the standard library stop the program for times that
    /// end beyond what they can count.
    package var sleepable: Duration { min(self, .seconds(100 * 366 * 86_400)) }
}

extension KESError {
    /// Whether another endpoint may get the request.
    func mayTryElsewhere(repeatable: Bool) -> Bool {
        switch self {
        case .unreachable, .notProcessed, .noConnectionInTime, .untrustedServer, .clientRefused, .handshakeFailed: true
        case .connectionLost, .timedOut: repeatable
        case .server(let status, _): repeatable && (502...504).contains(status)
        case .allEndpointsFailed, .invalidResponse, .invalidEndpoint, .invalidCredential, .cancelled, .clientShutDown: false
        }
    }

    /// Whether the time that the caller gave is over.
    var isTimeout: Bool {
        switch self {
        case .timedOut, .noConnectionInTime: true
        default: false
        }
    }

    /// Whether the same endpoint may do better after a pause.
    func mayPass(repeatable: Bool) -> Bool {
        switch self {
        case .unreachable, .notProcessed: true
        case .connectionLost: repeatable
        case .server(let status, _): repeatable && (503...504).contains(status)
        case .untrustedServer, .clientRefused, .handshakeFailed, .noConnectionInTime, .timedOut, .allEndpointsFailed,
            .invalidResponse, .invalidEndpoint, .invalidCredential, .cancelled, .clientShutDown:
            false
        }
    }
}
