import SecureBytes

/// The start of a plugin's own process, up to what was asked of it.
enum IsolatedPlugin {
    /// How long a library may take to be loaded and looked at.
    private static let loadLimit = Duration.seconds(30)

    /// Loads the library in a process that ends right after, and tells what its table says.
    static func describe(_ order: LibraryOrder, _ launcher: PluginLauncher) throws(PluginError) -> PluginDescription {
        let process: PluginProcess
        do throws(PluginProcess.Problem) {
            process = try PluginProcess(launcher, order.limits, channels: 0, output: { _ in })
        } catch {
            throw .processFailed(path: order.manifest.library, reason: error.text)
        }
        switch load(order, in: process, until: .now + loadLimit, log: { _ in }) {
        case .success(let description):
            process.kill()
            _ = process.reap()
            return description
        case .failure(let failure):
            throw .processFailed(path: order.manifest.library, reason: giveUp(process, after: failure).message)
        }
    }

    /// Ends a process that could not be started, and adds what is known of an end that came by itself.
    static func giveUp(_ process: PluginProcess, after failure: KeystoreFailure) -> KeystoreFailure {
        let endedItself = failure == ended && process.ends(until: .now + lastWords)
        process.kill()
        let end = process.reap()
        guard endedItself else { return failure }
        let said = end.lastLine.map { ", and had written: \($0)" } ?? ""
        return KeystoreFailure(failure.kind, "\(failure.message): \(end)\(said)")
    }

    private static let ended = KeystoreFailure(.internal, "the plugin ended its process at the start")
    /// How long a process may take to end once its sockets are closed.
    private static let lastWords = Duration.seconds(1)

    /// Has the process load the library.
    static func load(
        _ order: LibraryOrder, in process: PluginProcess, until limit: MonotonicTime, log: (Frame) -> Void
    ) -> Result<PluginDescription, KeystoreFailure> {
        ask(process, Frame(kind: .load, sequence: 1, text: order.text), until: limit, log: log).flatMap { answer in
            guard let description = PluginDescription(text: answer.text) else {
                return .failure(KeystoreFailure(.internal, "the plugin's process did not say what it has loaded"))
            }
            return .success(description)
        }
    }

    /// Sends a frame over the control socket, and waits for its result. Log lines that come before go to `log`.
    static func ask(
        _ process: PluginProcess, _ frame: Frame, until limit: MonotonicTime, log: (Frame) -> Void
    ) -> Result<Frame, KeystoreFailure> {
        do throws(FrameSocket.Problem) {
            try process.control.send(frame, until: limit)
            // A plugin that logs without a pause never lets `receive` wait, and so never out of time.
            while MonotonicTime.now < limit {
                let answer = try process.control.receive(until: limit)
                if answer.kind == .log {
                    log(answer)
                    continue
                }
                guard answer.answers(frame) else {
                    return .failure(KeystoreFailure(.internal, "the plugin's process gave an answer that makes no sense"))
                }
                return answer.code == 0 ? .success(answer) : .failure(answer.failure)
            }
            return .failure(.deadlinePassed)
        } catch {
            switch error {
            case .timedOut: return .failure(.deadlinePassed)
            case .ended: return .failure(ended)
            }
        }
    }
}

extension Frame {
    /// What a result with a code other than 0 says.
    var failure: KeystoreFailure {
        var message = text
        return KeystoreFailure(
            KeystoreFailure.Kind(frameCode: code), message.withUTF8 { OperatorText.decode(UnsafeRawBufferPointer($0)) })
    }
}
