/// The logs, as answers that go on until one side ends them.
enum LogHandlers {
    static func audit(_ request: Request, _ api: API) -> Outcome { .following(.audit) }

    static func error(_ request: Request, _ api: API) -> Outcome { .following(.error) }
}
