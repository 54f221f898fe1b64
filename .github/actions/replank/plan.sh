#!/usr/bin/env bash
# Plans the pending migrations: to the job's summary and, in the workflow of a pull request, to its comment.
# Ends as `replank plan` does; FAIL_ON_ATTENTION says whether exit code 16 is one that fails.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
plan=$(mktemp -d "${RUNNER_TEMP:-/tmp}/replank-plan.XXXXXX")/plan.md

# What went wrong is for the log only, which hides the secrets of the repository; a comment does not.
code=0
replank plan --output markdown "$@" >"$plan" || code=$?
case $code in
  0) verdict=safe ;;
  16) verdict=attention ;;
  10) verdict=refused ;;
  *) verdict=failed ;;
esac
if [[ ! -s $plan ]]; then
  # A plan that is refused as a whole has no Markdown.
  verdict=failed
  ((code)) || code=1
  {
    echo "## Migration plan: failed"
    echo
    echo "\`replank plan\` ended with exit code $code; the log of the job says why."
  } >"$plan"
fi
# replank never writes a password; should it ever, it does not get out here.
login=${DATABASE_URL#*://}
login=${login%@*}@
if [[ $login == *:*@ ]] && grep -qF -- "$login" "$plan"; then
  echo "::error::the plan has the password of the database in it and is not published"
  exit 1
fi
{
  echo "verdict=$verdict"
  echo "plan=$plan"
} >>"${GITHUB_OUTPUT:-/dev/null}"
cat "$plan" >>"${GITHUB_STEP_SUMMARY:-/dev/stdout}"

if [[ -n ${PULL_REQUEST:-} ]]; then
  # A pull request without migrations needs no comment, unless there is one that says otherwise.
  create=yes
  if [[ $verdict == safe ]] && ! grep -q '^### ' "$plan"; then create=no; fi
  "$here/comment.sh" "$plan" "$create"
fi
if [[ $verdict == attention && ${FAIL_ON_ATTENTION:-false} != true ]]; then code=0; fi
exit "$code"
