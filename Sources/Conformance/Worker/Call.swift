import Glibc
import PluginAPI

/// When a call's time is over.
enum Deadline: Sendable {
    case inTenSeconds
    case passed
    case endOfTime

    fileprivate var nanoseconds: UInt64 {
        switch self {
        case .inTenSeconds: monotonicNow() + 10_000_000_000
        case .passed: monotonicNow() - 1_000_000
        case .endOfTime: .max
        }
    }
}

/// What all calls have in common: the deadline, the error sink, and what is checked of every answer.
enum Call {
    /// The results that every function may answer with.
    static let always: Set<ResultCode> = [.ok, .invalid, .unreachable, .timeout, .denied, .corrupt, .internal]
    private static let recent = Recent()

    static func context(_ session: Session, _ function: String) -> SinkContext {
        let context = SinkContext { session.fail(.sinks, "\(function): a sink was called after the function had returned") }
        recent.keep(context)
        return context
    }

    static func make(
        _ session: Session, _ function: Progress.Function, _ deadline: Deadline, allowed: Set<ResultCode>,
        _ body: (UnsafePointer<keswick_call>) -> keswick_result
    ) -> Outcome {
        let context = context(session, function.name)
        var call = keswick_call(
            size: MemoryLayout<keswick_call>.size, deadline: deadline.nanoseconds, error: context.sink)
        session.progress.enter(function)
        let number = body(&call)
        let (messages, problem) = context.close()
        let outcome = Outcome(number, message: messages.first.map { String(decoding: $0.prefix(4096), as: UTF8.self) } ?? "")
        if let problem { session.fail(.sinks, "\(function.name): the error sink \(problem)") }
        if !messages.isEmpty { session.noteTried(.sinks) }
        check(session, function.name, outcome, messages, allowed)
        return outcome
    }

    private static func check(
        _ session: Session, _ function: String, _ outcome: Outcome, _ messages: [[UInt8]], _ allowed: Set<ResultCode>
    ) {
        for message in messages where message.withUnsafeBytes(session.marker.isFound) {
            // Not the message itself: it would put the value into this report.
            session.fail(
                .secrets,
                "\(function) answered \(outcome.code?.name ?? "\(number(outcome))"), with a part of a value in its message")
        }
        guard let code = outcome.code else {
            return session.fail(.answers, "\(function) returned \(outcome.number), which is none of KESWICK_*")
        }
        session.expect(allowed.contains(code), .answers, "\(function) answered \(code.name), which is not one of its results")
        session.expect(
            messages.count <= 1, .messages,
            "\(function) answered \(code.name) and called the error sink \(counted(messages.count, "time"))")
        switch code {
        case .ok, .exists, .notFound: break
        default:
            session.noteTried(.messages)
            session.expect(
                messages.contains { !$0.isEmpty }, .messages,
                "\(function) answered \(code.name) and wrote no message to the error sink")
        }
        session.expect(
            messages.allSatisfy { String(validating: $0, as: UTF8.self) != nil }, .messages,
            "\(function) answered \(code.name) with a message that is not UTF-8")
    }

    private static func number(_ outcome: Outcome) -> Int32 { outcome.number }
}

/// The names of the interface.
enum Names {
    static let characters = Array("-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz".utf8)

    static func isValid(_ name: [UInt8]) -> Bool {
        (1...Int(KESWICK_NAME_MAX)).contains(name.count) && name.first != 0x2e && name.allSatisfy(characters.contains)
    }
}
