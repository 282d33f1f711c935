#!/usr/bin/env bash
# Builds, and makes a package for Debian and Ubuntu: keswick_VERSION_ARCHITECTURE.deb, to install with `apt install ./FILE`.
#
#   ./scripts/package.sh [DIRECTORY]    where to put it; default: here
#
# It fits the release of the distribution that it was made on, and later ones with the same libraries. The package holds what install.sh
# installs, makes the user kes and /var/lib/kes, and starts nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

# The licences of Keswick and of all that was built in, each text once, below the names of those whose it is.
licences() {
    local -A names=()
    local -a texts=()
    local file name text
    for file in LICENSE "$(dirname "$(realpath "$(command -v swift)")")/../share/swift/LICENSE.txt" \
        .build/checkouts/*/{LICENSE,LICENSE.txt,NOTICE.txt}; do
        [ -f "$file" ] || continue
        case "$file" in
            LICENSE) name=Keswick ;;
            .build/*) name=${file#.build/checkouts/} ;;
            *) name="Swift's runtime libraries" ;;
        esac
        text=$(cat "$file")
        [ -n "${names[$text]:-}" ] || texts+=("$text")
        names[$text]+="${names[$text]:+, }$name"
    done
    for text in "${texts[@]}"; do printf '==== %s\n\n%s\n\n\n' "${names[$text]}" "$text"; done
}

directory=$(realpath -m "${1:-.}")
install_packages dpkg-dev
setup
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/debian/keswick
umask 022
mkdir -p "$root/DEBIAN"
./scripts/install.sh "$root" >/dev/null

# What a package brings lies in /usr, and what the machine's owner makes of it in /etc.
install -D -m 644 "$root/etc/systemd/system/kes.service" "$root/usr/lib/systemd/system/kes.service"
rm -r "$root/etc/systemd"
gzip -9n "$root/usr/share/man/man1/kes.1"
find "$root/usr/lib/kes" -type f -exec strip --strip-unneeded {} +

documents=$root/usr/share/doc/keswick
mkdir -p "$documents"
licences >"$documents/copyright"
install -m 644 README.md CHANGELOG.md SECURITY.md docs/*.md docs/openapi.yaml "$documents"

# Which packages the libraries come from that are not in it. It warns that Swift's have no version in their names.
printf 'Source: keswick\n\nPackage: keswick\nArchitecture: any\n' >"$work/debian/control"
dependencies=$(cd "$work" && find debian/keswick/usr/lib/kes -type f -print0 \
    | xargs -0 dpkg-shlibdeps -O --ignore-missing-info -ldebian/keswick/usr/lib/kes --warnings=0 2> >(grep -v warning: >&2) \
    | sed -n 's/^shlibs:Depends=//p')
[ -n "$dependencies" ] || die "dpkg-shlibdeps found no libraries that the program needs"

version=$("$root/usr/bin/kes" --version | awk '{print $2}')
architecture=$(dpkg --print-architecture)
user=$(id -un)
maintainer="${DEBFULLNAME:-$user} <${DEBEMAIL:-$user@$(hostname)}>"
mkdir -p "$directory"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@DEPENDS@/$dependencies/" \
    -e "s/@MAINTAINER@/$maintainer/" -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$root" | cut -f 1)/" \
    packaging/debian/control.in >"$root/DEBIAN/control"
install -m 755 packaging/debian/{postinst,prerm,postrm} "$root/DEBIAN"
(cd "$root" && find etc -type f -printf '/%p\n' >DEBIAN/conffiles)
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
package=$directory/keswick_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
echo "$package"
