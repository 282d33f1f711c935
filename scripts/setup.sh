#!/usr/bin/env bash
# Sets up what a build needs: Debian's or Ubuntu's packages, and a Swift toolchain. Sourced by the other scripts; does nothing twice.
#
# After it, `swift` is on the PATH. Everything that it is about to change on the machine it says before.

swift_wanted=6.2
swift_release=6.3.1

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'Error: %s\n' "$*" >&2; exit 1; }

# Runs a command as root: directly, or with sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; return; fi
    command -v sudo >/dev/null || die "need root to run: $*
Run it as root yourself, then start this script again."
    sudo "$@"
}

# Installs those of the given packages that are missing.
install_packages() {
    command -v dpkg-query >/dev/null || die "this script installs packages with apt, which is not here.
Install the equivalents of: $*
and start it again."
    local missing=() package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = 'install ok installed' ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing system packages with apt: ${missing[*]}"
    as_root apt-get update -qq || die "apt-get update failed: see the lines above"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 \
        || die "apt-get could not install: ${missing[*]}"
}

# Installs the package of a service, for its program. Debian would start it at once, a web server on port 80 of all addresses, unless this
# file says that services may not start.
#
# Arguments: the program, which has the service's name, and its package.
install_service() {
    if command -v "$1" >/dev/null; then return; fi
    local policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        # Somebody, such as the maker of a container, has said it already.
        install_packages "$2"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    (install_packages "$2") || status=$?
    as_root rm -f "$policy"
    [ "$status" = 0 ] || exit "$status"
    # Nor when the machine starts the next time.
    ! command -v systemctl >/dev/null || as_root systemctl disable "$1"
}

# Whether the `swift` on the PATH is recent enough.
has_swift() {
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$swift_wanted" "$version" | sort -V | head -n 1)" = "$swift_wanted" ]
}

# Installs a toolchain with swiftly, Swift's own installer (https://www.swift.org/install/linux/), whose signature is checked first.
install_swift() {
    local home="${SWIFTLY_HOME_DIR:-$HOME/.local/share/swiftly}" archive directory
    say "No Swift $swift_wanted toolchain found. Installing Swift $swift_release with swiftly into $home (about 3 GB)"
    install_packages ca-certificates curl gnupg
    directory=$(mktemp -d)
    # shellcheck disable=SC2064  # the directory of now is meant
    trap "rm -rf '$directory'" EXIT
    archive="swiftly-$(uname -m).tar.gz"
    if ! { curl -fsSL --connect-timeout 20 -o "$directory/$archive" "https://download.swift.org/swiftly/linux/$archive" \
        && curl -fsSL --connect-timeout 20 -o "$directory/$archive.sig" "https://download.swift.org/swiftly/linux/$archive.sig" \
        && curl -fsSL --connect-timeout 20 -o "$directory/keys.asc" https://www.swift.org/keys/all-keys.asc; }; then
        die "download.swift.org cannot be reached from here.
On a machine that reaches it, get the archive of Swift $swift_release for this system from https://www.swift.org/install/linux/. Here:
    mkdir -p /opt/swift && tar -xzf ARCHIVE --strip-components=1 -C /opt/swift
Then start this script again."
    fi
    GNUPGHOME="$directory" gpg --quiet --import "$directory/keys.asc" 2>/dev/null
    GNUPGHOME="$directory" gpg --quiet --verify "$directory/$archive.sig" "$directory/$archive" 2>/dev/null \
        || die "the signature of $archive is not Swift's: the download was tampered with or is damaged. Nothing was installed."
    tar -xzf "$directory/$archive" -C "$directory"
    "$directory/swiftly" init --assume-yes --skip-install --quiet-shell-followup
    # shellcheck source=/dev/null
    . "$home/env.sh"
    swiftly install --assume-yes --use "$swift_release"
    hash -r
}

# Makes the machine ready to build.
setup() {
    # g++ for the C++ headers that go with the distribution's compiler, which Swift's clang uses.
    install_packages binutils ca-certificates chrpath curl g++ git libc6-dev libcurl4-openssl-dev libnghttp2-dev libsqlite3-dev libssl-dev \
        libyaml-dev libncurses6 libxml2 libz3-dev openssl pkg-config tzdata zlib1g-dev
    if ! has_swift; then
        local home="${SWIFTLY_HOME_DIR:-$HOME/.local/share/swiftly}"
        # shellcheck source=/dev/null
        if [ -r "$home/env.sh" ]; then . "$home/env.sh"; fi
        # Where install_swift says to put it by hand.
        has_swift || PATH="/opt/swift/usr/bin:$PATH"
        has_swift || install_swift
    fi
    has_swift || die "Swift $swift_wanted or later is needed, and '$(command -v swift || echo swift)' is not it.
Install one from https://www.swift.org/install/linux/ and put it first on the PATH."
}

# Builds, and shows the compiler's lines only when something is wrong.
build() {
    say "Building (the first time takes some minutes)"
    local log
    log=$(mktemp)
    if ! swift build -c release "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        die "the build failed: see the lines above"
    fi
    grep -E '(warning|error):' "$log" >&2 || true
    [ -z "${BUILD_LOG:-}" ] || cp "$log" "$BUILD_LOG"
    rm -f "$log"
}
