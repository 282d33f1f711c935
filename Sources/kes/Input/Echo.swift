import Glibc

/// The echo of the terminal that a password is typed at. `kes` asks at one terminal at a time, from its main thread.
enum Echo {
    /// Switches the echo off until `switchOn`, or until a signal such as that of Ctrl-C ends the process.
    ///
    /// - Parameter farewell: what such a signal writes to the terminal first.
    static func switchOff(_ terminal: CInt, farewell: StaticString = "") throws(CommandFailure) {
        guard tcgetattr(terminal, settingsBefore) == 0 else { throw CommandFailure("cannot switch off the terminal's echo") }
        terminalOfPrompt.pointee = terminal
        farewellOfSignal.pointee = farewell
        for number in endingSignals { signal(number, switchOnAndEnd) }
        // When it is stopped and taken up again, the shell has switched the echo on meanwhile.
        signal(SIGTSTP, SIG_IGN)
        var silent = settingsBefore.pointee
        silent.c_lflag &= ~tcflag_t(ECHO)
        silent.c_lflag |= tcflag_t(ICANON)
        guard tcsetattr(terminal, TCSAFLUSH, &silent) == 0 else {
            switchOn()
            throw CommandFailure("cannot switch off the terminal's echo")
        }
    }

    static func switchOn() {
        tcsetattr(terminalOfPrompt.pointee, TCSAFLUSH, settingsBefore)
        for number in endingSignals { signal(number, SIG_DFL) }
        signal(SIGTSTP, SIG_DFL)
    }
}

private let endingSignals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

// What the signal handler reads. `nonisolated(unsafe)` holds for all three: they are written by `switchOff` before it installs the
// handler, on the only thread that asks, and not again while it is installed.
private nonisolated(unsafe) let settingsBefore: UnsafeMutablePointer<termios> = {
    let pointer = UnsafeMutablePointer<termios>.allocate(capacity: 1)
    pointer.initialize(to: termios())
    return pointer
}()
private nonisolated(unsafe) let terminalOfPrompt: UnsafeMutablePointer<CInt> = {
    let pointer = UnsafeMutablePointer<CInt>.allocate(capacity: 1)
    pointer.initialize(to: -1)
    return pointer
}()
private nonisolated(unsafe) let farewellOfSignal: UnsafeMutablePointer<StaticString> = {
    let pointer = UnsafeMutablePointer<StaticString>.allocate(capacity: 1)
    pointer.initialize(to: "")
    return pointer
}()

// All four calls are safe in a signal handler (POSIX, section 2.4.3).
private func switchOnAndEnd(_ number: CInt) {
    // The text of a static string lies in the program for ever.
    let farewell = farewellOfSignal.pointee
    _ = write(terminalOfPrompt.pointee, farewell.utf8Start, farewell.utf8CodeUnitCount)
    tcsetattr(terminalOfPrompt.pointee, TCSAFLUSH, settingsBefore)
    signal(number, SIG_DFL)
    raise(number)
}
