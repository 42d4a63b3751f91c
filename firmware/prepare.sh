#!/usr/bin/env bash
# Prepares this machine for device tests: Rust's libraries for the Cortex-M targets, and QEMU. Safe to run again.
#
#   firmware/prepare.sh               what is missing, the usual way first
#   firmware/prepare.sh --debian      Debian's rustc-web and its sources instead of rustup
#
# Says at the end what is there and what is not; exits with 1 if something is not.
set -uo pipefail

targets=(thumbv6m-none-eabi thumbv7m-none-eabi thumbv7em-none-eabihf)
# Downloads hang on some networks; a step that takes longer has failed.
limit=300
way=${1:-rustup}
missing=()

say() { printf 'prepare: %s\n' "$*"; }

have_library() {
    local dir
    dir=$(rustc --print target-libdir --target "$1" 2>/dev/null) && [ -d "$dir" ]
}

# apt-get as root, or by sudo without a password; fails where neither is to be had.
apt() {
    command -v apt-get >/dev/null || { say "no apt-get here: install $* by hand"; return 1; }
    local run=()
    [ "$(id -u)" = 0 ] || run=(sudo -n)
    export DEBIAN_FRONTEND=noninteractive
    timeout $limit "${run[@]}" apt-get update -qq >/dev/null &&
        timeout $limit "${run[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

debian_sources() {
    say "second way: Debian's rustc-web with its sources"
    command -v rustup >/dev/null || { say "no rustup to link Debian's compiler into"; return 1; }
    apt rustc-web cargo-web rust-web-src lld && rustup toolchain link debian /usr && cargo +debian --version
}

if [ "$way" = --debian ]; then
    debian_sources || missing+=("Debian's toolchain")
else
    for target in "${targets[@]}"; do
        have_library "$target" && continue
        say "adding $target by rustup"
        timeout $limit rustup target add "$target" || true
    done
    for target in "${targets[@]}"; do
        have_library "$target" && continue
        cargo +debian --version >/dev/null 2>&1 || debian_sources || missing+=("a library for $target")
    done
fi

if ! command -v qemu-system-arm >/dev/null; then
    say "installing qemu-system-arm"
    apt qemu-system-arm || missing+=("qemu-system-arm")
fi

for target in "${targets[@]}"; do
    if have_library "$target"; then say "$target: installed"
    elif cargo +debian --version >/dev/null 2>&1; then say "$target: built from Debian's sources"
    fi
done
command -v qemu-system-arm >/dev/null && say "$(qemu-system-arm --version | head -n 1)"
if [ ${#missing[@]} -gt 0 ]; then
    say "NOT here, so device tests that need it are skipped: ${missing[*]}"
    exit 1
fi
say "all device tests can run"
