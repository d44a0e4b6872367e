# Sourced by the other scripts: where the checkout is, one manner of speaking, and rustup's cargo.
# shellcheck shell=bash

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

program=$(basename "$0")

# rustup puts cargo where only a login shell looks for it.
if ! command -v cargo >/dev/null && [ -x "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin/cargo" ]; then
    PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin
fi
# Debian keeps nginx where only root looks for it.
PATH=$PATH:/usr/sbin:/sbin

# `NGINX=vendored make run` is meant for make. To nginx a variable of this name lists the sockets that it inherits.
unset NGINX

# In CI a Cargo.lock that does not fit is an error; at a desk Cargo mends it.
# shellcheck disable=SC2034 # for those who source this
locked=${CI:+--locked}

say() {
    printf '%s\n' "$*"
}

# One line that says what is wrong and what to do.
die() {
    printf '%s: %s\n' "$program" "$*" >&2
    exit 1
}

# at_least FOUND NEEDED: compares versions.
at_least() {
    [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# A port that nobody uses, for `make run`: below the range that outgoing connections take.
free_port() {
    local port
    for _ in {1..50}; do
        port=$((12000 + RANDOM % 8000))
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    say "$port"
}
