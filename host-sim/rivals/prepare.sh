#!/usr/bin/env bash
# Gets the rivals of `microfit bench --host` ready, in target/rivals. Safe to run again.
#
#   host-sim/rivals/prepare.sh            all of them: torch, jax, burn, kann
#   host-sim/rivals/prepare.sh jax kann   some of them
#
#   PYTHON=python3.12       the Python for torch and jax, 3.11 or newer
#   TORCH_INDEX=URL         where pip finds torch: PyTorch's own index of CPU builds saves 5 GB of CUDA libraries
#   KANN=FOLDER             KANN's sources; without it they are cloned from GitHub
#
# Says at the end what is there and what is not; exits with 1 if something is not.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

torch=2.15.0
jax=0.10.2
kann=e260712
# Downloads hang on some networks; a step that takes longer has failed. Building burn alone takes minutes.
limit=1800
here=$PWD/host-sim/rivals
folder=$(realpath -m "${CARGO_TARGET_DIR:-target}")/rivals
wanted=("$@")
[ $# -gt 0 ] || wanted=(torch jax burn kann)
missing=()
mkdir -p "$folder/bin"

say() { printf 'prepare: %s\n' "$*"; }

in_venv() {
    [ -x "$folder/venv/bin/python" ] || timeout $limit "${PYTHON:-python3}" -m venv "$folder/venv" || return 1
    timeout $limit "$folder/venv/bin/pip" install --quiet "$@"
}

prepare_torch() { in_venv ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "torch==$torch" numpy; }

prepare_jax() { in_venv "jax==$jax" "jaxlib==$jax"; }

prepare_burn() {
    RUSTFLAGS="-C target-cpu=native" timeout $limit cargo build --quiet --locked --release \
        --manifest-path "$here/burn/Cargo.toml" --target-dir "$folder/burn" &&
        cp "$folder/burn/release/microfit-rival-burn" "$folder/bin/burn"
}

# The least time that a sample of both nets took in some measurements, in ns.
fastest() {
    local net
    for net in W1 W2; do
        yes "$net" | head -n 6 | "$1" | tail -n +2 | sort -n | head -n 1
    done | awk '{ sum += $1 } END { print sum }'
}

# Built for any processor of the kind and for just this one; the faster stays.
prepare_kann() {
    local source=${KANN:-$folder/kann} build flags best
    if [ ! -f "$source/kann.c" ]; then
        timeout $limit git clone --quiet https://github.com/attractivechaos/kann "$source" &&
            git -C "$source" checkout --quiet "$kann" || return 1
    fi
    rm -f "$folder/bin/kann"*
    for flags in "-O3" "-O3 -march=native"; do
        # shellcheck disable=SC2086
        "${CC:-cc}" $flags -std=gnu11 -DFLAGS="\"$flags\"" -I "$source" -o "$folder/bin/kann${flags// /}" \
            "$here/kann.c" "$source/kann.c" "$source/kautodiff.c" -lm || say "kann: $flags is not to be had"
    done
    # In turns, so that what else the machine does meets both.
    best=$(for _ in 1 2 3 4; do
        for build in "$folder/bin/kann"-*; do
            [ -x "$build" ] && printf '%s %s\n' "$(fastest "$build")" "$build"
        done
    done | sort -n | head -n 1)
    [ -n "$best" ] || return 1
    cp "${best#* }" "$folder/bin/kann"
    say "kann: $(basename "${best#* }") is the fastest, ${best% /*} ns for a sample of both nets"
}

for rival in "${wanted[@]}"; do
    case $rival in
        torch | jax | burn | kann)
            say "$rival"
            "prepare_$rival" || missing+=("$rival")
            ;;
        *) say "no rival is called $rival"; missing+=("$rival") ;;
    esac
done
if [ ${#missing[@]} -gt 0 ]; then
    say "NOT here, so \`bench --host\` skips: ${missing[*]}"
    exit 1
fi
say "ready: ${wanted[*]}"
