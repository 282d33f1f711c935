#!/usr/bin/env bash
# Builds Keswick and runs a key server on 127.0.0.1:7373.
#
#   ./scripts/run.sh          keys in SQLite under ./data, which is set up on the first run and used again by the next
#   ./scripts/run.sh --dev    keys in memory, gone when the server stops
#
# KES_DATA names another directory than ./data.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

data=${KES_DATA:-./data}
case "${1:-}" in
    '' | --dev) ;;
    *) die "unknown argument '$1': there is only --dev" ;;
esac

setup
# shellcheck disable=SC2119  # without arguments it builds everything but the tests
build
kes=$(swift build -c release --show-bin-path)/kes

if [ "${1:-}" = --dev ]; then exec "$kes" server --dev; fi

[ -e "$data/config.yml" ] || "$kes" init "$data" --keystore sqlite
data=$(cd "$data" && pwd)
cat <<TXT

To use the server, paste this into a second terminal:

  export PATH="$(dirname "$kes"):\$PATH"
  export KES_SERVER=https://127.0.0.1:7373
  export SSL_CERT_FILE="$data/server.crt"
  export KES_API_KEY="\$(cat "$data/admin.api-key")"
  kes key create my-key
  kes key dek my-key

TXT
exec "$kes" server --config "$data/config.yml"
