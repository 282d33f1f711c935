import CLinux
import Glibc
import Logging
import NIOConcurrencyHelpers
import SecureBytes

/// A plugin's process from within: it loads one library, opens it once, and does what the server asks over its sockets. It has
/// nothing else: no other descriptors, no privileges to gain, a minimal environment, and no more memory than it is given.
package enum PluginProcessMain {
    /// Runs until the server closes the plugin or is gone.
    package static func run(channels count: Int, _ limits: ProcessLimits) -> Never {
        let problem = confine(channels: count, limits)
        let control = FrameSocket(PluginProcess.firstDescriptor)
        if let problem { refuse(problem, control) }
        let replies = NIOLock()
        @Sendable func reply(_ frame: Frame) {
            // The server is gone, or will see the end of this process: there is nobody to tell.
            replies.withLock { if (try? control.send(frame, until: nil)) == nil { leave() } }
        }
        let logger = Logger(label: "plugin") { _ in RemoteLog(send: reply) }
        var plugin: KeystorePlugin?
        var instance: PluginInstance?
        while let frame = try? control.receive(until: nil) {
            switch frame.kind {
            case .load:
                do {
                    guard let order = LibraryOrder(text: frame.text) else { _exit(2) }
                    let loaded = try PluginLoader.load(order.manifest, from: PluginDirectory(explicit: "/", program: nil))
                    plugin = loaded
                    reply(Frame(kind: .result, text: loaded.description.text).answering(frame))
                } catch {
                    let code = KeystoreFailure.Kind.internal.frameCode
                    reply(Frame(kind: .result, code: code, text: "\(error)").answering(frame))
                }
            case .open:
                guard let plugin, instance == nil else { _exit(2) }
                let services = HostServices(keystore: plugin.name, logger: logger)
                let deadline = MonotonicTime(nanoseconds: frame.deadline)
                switch PluginInstance.open(plugin, configuration: frame.payload, services: services, deadline: deadline) {
                case .failure(let failure): reply(.failure(failure).answering(frame))
                case .success(let opened):
                    instance = opened
                    let isServing = (0..<count).allSatisfy { serve(opened, PluginProcess.firstDescriptor + 1 + Int32($0)) }
                    let noThreads = KeystoreFailure(
                        .internal,
                        "the process has no memory for \(Plural.count(count, "thread")): allow it more with 'memory' in the manifest"
                    )
                    reply((isServing ? Frame(kind: .result) : .failure(noThreads)).answering(frame))
                }
            case .close:
                guard let closing = instance else { _exit(0) }
                instance = nil
                // On a thread of its own: one that never ends must not keep this one from noticing that the server is gone.
                let started = DetachedThread.start("keystore-close") {
                    closing.close()
                    reply(Frame(kind: .result).answering(frame))
                }
                if !started { _exit(1) }
            default: _exit(2)
            }
        }
        leave()
    }

    /// Nobody is left to serve: ends this process, and what the plugin has started and left in its group.
    private static func leave() -> Never {
        // The server makes it the leader of a group; a person who starts it by hand has a shell there.
        if getpgrp() == getpid() { kill(0, SIGKILL) }
        _exit(0)
    }

    /// Answers the first question with what went wrong, so that the operator hears of it.
    private static func refuse(_ problem: String, _ control: FrameSocket) -> Never {
        if let question = try? control.receive(until: nil) {
            let failure = KeystoreFailure(.internal, "the plugin's process cannot be confined: \(problem)")
            // When nobody takes it, nobody is left to be told.
            try? control.send(.failure(failure).answering(question), until: nil)
        }
        _exit(2)
    }

    /// Gives up all that the plugin does not need. What went wrong when that cannot be done.
    private static func confine(channels: Int, _ limits: ProcessLimits) -> String? {
        func problem(_ call: String) -> String { "\(call): \(SystemError.text(errno))" }
        guard keswick_close_from(PluginProcess.firstDescriptor + 1 + Int32(channels)) == 0 else {
            return problem("close_range") + " (it needs Linux 5.9)"
        }
        guard keswick_forbid_privileges() == 0 else { return problem("prctl(PR_SET_NO_NEW_PRIVS)") }
        // The sockets are not for the programs that the plugin starts.
        for descriptor in PluginProcess.firstDescriptor...PluginProcess.firstDescriptor + Int32(channels) {
            guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { return problem("fcntl(\(descriptor), F_SETFD)") }
        }
        _ = ProcessHardening.apply()
        // An interrupt from a terminal is the server's to handle; it closes the plugin, or the sockets.
        signal(SIGINT, SIG_IGN)
        for (resource, most) in [(RLIMIT_DATA, limits.memory), (RLIMIT_NOFILE, limits.files)] {
            var limit = rlimit()
            let number = __rlimit_resource_t(resource.rawValue)
            if resource == RLIMIT_DATA, keswick_is_sanitized() != 0 { continue }
            guard getrlimit(number, &limit) == 0 else { return problem("getrlimit") }
            limit.rlim_max = min(limit.rlim_max, rlim_t(most))
            limit.rlim_cur = limit.rlim_max
            guard setrlimit(number, &limit) == 0 else { return problem("setrlimit") }
        }
        // Whatever the plugin does with the other threads.
        guard DetachedThread.start("keystore-server", leaveWithServer) else { return "the system has no thread to give" }
        return nil
    }

    /// Waits for the end of the server.
    private static func leaveWithServer() {
        while true {
            var polled = pollfd(fd: PluginProcess.firstDescriptor, events: 0, revents: 0)
            if poll(&polled, 1, -1) > 0 { leave() }
        }
    }

    /// Answers the calls of one channel, one after the other, on a thread. False when there is none.
    private static func serve(_ instance: PluginInstance, _ descriptor: Int32) -> Bool {
        DetachedThread.start("keystore-call") {
            let channel = FrameSocket(descriptor)
            while let frame = try? channel.receive(until: nil) {
                let answer = answer(frame, instance).answering(frame)
                if (try? channel.send(answer, until: nil)) == nil { break }
            }
            leave()
        }
    }

    private static func answer(_ frame: Frame, _ instance: PluginInstance) -> Frame {
        let deadline = MonotonicTime(nanoseconds: frame.deadline)
        switch frame.kind {
        case .create: return Frame(instance.create(frame.text, frame.payload, deadline)) { _ in Frame(kind: .result) }
        case .get: return Frame(instance.get(frame.text, deadline)) { Frame(kind: .result, payload: $0) }
        case .delete: return Frame(instance.delete(frame.text, deadline)) { _ in Frame(kind: .result) }
        case .status:
            return Frame(instance.status(deadline)) { Frame(kind: .result, limit: $0.wholeNanoseconds) }
        case .list:
            let after = frame.payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            let names = instance.list(prefix: frame.text, after: after, limit: Int(clamping: frame.limit), deadline)
            return Frame(names) { Frame(kind: .result, text: $0.joined(separator: "\n")) }
        default: _exit(2)
        }
    }
}

extension Frame {
    static func failure(_ failure: KeystoreFailure) -> Frame {
        Frame(kind: .result, code: failure.kind.frameCode, text: failure.message)
    }

    fileprivate init<Success>(_ result: Result<Success, KeystoreFailure>, _ frame: (Success) -> Frame) {
        switch result {
        case .success(let value): self = frame(value)
        case .failure(let failure): self = .failure(failure)
        }
    }
}

/// Sends what the plugin logs to the server.
private struct RemoteLog: LogHandler {
    let send: @Sendable (Frame) -> Void
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let code = UInt32(Logger.Level.allCases.firstIndex(of: event.level) ?? 0)
        send(Frame(kind: .log, code: code, text: "\(event.message)"))
    }
}
