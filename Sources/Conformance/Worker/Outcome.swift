import PluginAPI

/// A result of the interface.
enum ResultCode: Int32, Sendable {
    case ok, exists, notFound, invalid, unreachable, timeout, denied, corrupt, `internal`

    var name: String {
        switch self {
        case .ok: "OK"
        case .exists: "EXISTS"
        case .notFound: "NOT_FOUND"
        case .invalid: "INVALID"
        case .unreachable: "UNREACHABLE"
        case .timeout: "TIMEOUT"
        case .denied: "DENIED"
        case .corrupt: "CORRUPT"
        case .internal: "INTERNAL"
        }
    }
}

/// How a call ended.
struct Outcome: CustomStringConvertible, Sendable {
    /// Nil when the number is not one of the interface's.
    var code: ResultCode?
    var number: Int32
    var message: String

    init(_ number: Int32, message: String) {
        code = ResultCode(rawValue: number)
        self.number = number
        self.message = message
    }

    var description: String {
        let name = code?.name ?? "\(number)"
        return message.isEmpty ? name : "\(name) (\(message.prefix(300)))"
    }
}
