#!/usr/bin/env bash
# Says where replank will be installed and by which key it is cached; nothing when it is on the PATH already.
set -euo pipefail

if command -v replank >/dev/null; then
  exit 0
fi
# The action is part of the repository of replank, so what it installs is what `uses:` names.
source_dir=$(cd "$GITHUB_ACTION_PATH/../../.." && pwd)
sources=$(cd "$source_dir" && find Cargo.toml Cargo.lock src -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
{
  echo "root=${RUNNER_TEMP:?}/replank"
  echo "key=replank-${RUNNER_OS:-}-${RUNNER_ARCH:-}-${sources%% *}"
} >>"$GITHUB_OUTPUT"
