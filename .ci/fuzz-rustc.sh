#!/usr/bin/env bash
# rustc for the project's own crates when they are fuzzed (`RUSTC_WORKSPACE_WRAPPER`): code that counts where it has been,
# as libFuzzer wants it. Dependencies are compiled as ever, and so are not compiled again.
set -euo pipefail
rustc=$1
shift
case " $* " in
  *" --crate-name ___ "*) ;; # cargo asks what the compiler can do
  *" --crate-name "*)
    set -- "$@" \
      -Cpasses=sancov-module \
      -Cllvm-args=-sanitizer-coverage-level=4 \
      -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
      -Cllvm-args=-sanitizer-coverage-pc-table \
      -Cllvm-args=-sanitizer-coverage-trace-compares \
      -Copt-level=1 -Cdebug-assertions=on -Coverflow-checks=on
    ;;
esac
exec "$rustc" "$@"
