import Glibc
import NIOCore

/// What the server says of itself.
enum ServerHandlers {
    static func version(_ request: Request, _ api: API) -> Outcome {
        var writer = JSONWriter()
        writer.object {
            $0.member("version", Version.number)
            $0.member("commit", Version.commit)
        }
        return .ready(.json(writer.buffer))
    }

    /// Whether the keystore can be used now.
    static func ready(_ request: Request, _ api: API) -> Outcome {
        let status = api.keyring.status(timeout: request.timeout, on: request.eventLoop).assumeIsolated()
        return .pending(
            status.map { _ in Response.empty(200) }
                .flatMapErrorThrowing { APIError.response(for: $0, api) }
                .nonisolated())
    }

    static func status(_ request: Request, _ api: API) -> Outcome {
        let status = api.keyring.status(timeout: request.timeout, on: request.eventLoop).assumeIsolated()
        return .pending(
            status.map { Optional.some($0) }
                .flatMapErrorThrowing { (_: any Error) -> Duration? in nil }
                .map { latency in
                    let process = ProcessUsage.read()
                    var writer = JSONWriter()
                    writer.object {
                        $0.member("version", Version.number)
                        $0.member("os", "linux")
                        $0.member("arch", architecture)
                        $0.member("uptime", (NIODeadline.now() - api.startInstant).nanoseconds / 1_000_000_000)
                        $0.member("num_cpu", process.processors)
                        $0.member("num_cpu_used", process.usableProcessors)
                        $0.member("mem_heap_used", process.heapBytes)
                        $0.member("mem_stack_used", process.stackBytes)
                        if let latency {
                            $0.member("keystore_latency", max(1, latency.milliseconds))
                        } else {
                            $0.member("keystore_unreachable", true)
                        }
                    }
                    return .json(writer.buffer)
                }
                .nonisolated())
    }

    /// The route table.
    static func apis(_ request: Request, _ api: API) -> Outcome {
        var writer = JSONWriter(capacity: 4096)
        writer.array { list in
            for route in api.routes.routes {
                list.object {
                    $0.member("method", route.method.rawValue)
                    $0.member("path", route.path)
                    $0.member("max_body", route.maxBody)
                    // Rounded up: 0 means that there is none.
                    $0.member("timeout", route.timeout.map { ($0.nanoseconds - 1) / 1_000_000_000 + 1 } ?? 0)
                }
            }
        }
        return .ready(.json(writer.buffer))
    }

    /// As Go names it, which is what clients know.
    private static var architecture: String {
        #if arch(x86_64)
        "amd64"
        #elseif arch(arm64)
        "arm64"
        #else
        #error("add the name that Go has for this architecture (GOARCH)")
        #endif
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    fileprivate var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
