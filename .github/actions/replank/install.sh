#!/usr/bin/env bash
# Installs replank into INSTALL_ROOT, unless it came from the cache, and puts it on the PATH of later steps.
set -euo pipefail

source_dir=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
if [[ ! -x $INSTALL_ROOT/bin/replank ]]; then
  # The oldest Rust that builds it, from its own manifest.
  toolchain=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$source_dir/Cargo.toml")
  rustup toolchain install "$toolchain" --profile minimal
  cargo "+$toolchain" install --locked --path "$source_dir" --root "$INSTALL_ROOT"
fi
echo "$INSTALL_ROOT/bin" >>"$GITHUB_PATH"
