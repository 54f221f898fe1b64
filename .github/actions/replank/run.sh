#!/usr/bin/env bash
# Runs COMMAND, `plan` or `deploy`, with the options in ARGS.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [[ -z ${DATABASE_URL:-} ]]; then
  echo "::error::database-url is empty; workflows of pull requests from forks have no secrets"
  exit 2
fi
# Words only: no globs, no quotes, nothing is evaluated.
read -r -d '' -a options <<<"${ARGS:-}" || true
case ${COMMAND:-} in
  plan) exec "$here/plan.sh" "${options[@]}" ;;
  # In the place of this process, so that a cancelled job interrupts it and it stops at a safe point.
  deploy) exec replank deploy "${options[@]}" ;;
  *)
    echo "::error::command is plan or deploy"
    exit 2
    ;;
esac
