extension MonotonicTime {
    /// The most by which a plugin's deadline lies before the host's. With eight busy processes on each processor, a thread that slept
    /// until a moment had been heard over a socket at most 19 ms after it.
    static let pluginMargin = Duration.milliseconds(50)

    /// The deadline that a plugin is told where the host stops waiting at this one: a little earlier, so that a plugin which answers
    /// TIMEOUT exactly then is heard, and its message logged. Earlier by a tenth of the time left, or by `pluginMargin` if that is less.
    func forPlugin(now: MonotonicTime = .now) -> MonotonicTime {
        let margin = min((self - now) / 10, Self.pluginMargin)
        return MonotonicTime(nanoseconds: nanoseconds - margin.wholeNanoseconds)
    }
}
