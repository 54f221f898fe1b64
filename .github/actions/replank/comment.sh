#!/usr/bin/env bash
# comment.sh FILE yes|no: makes FILE the comment of this plan on PULL_REQUEST. The comment is found again by a marker
# in its first line; `no` only updates one that is there.
set -euo pipefail

file=$1 create=$2
# GitHub takes 65,536 characters.
readonly LONGEST=65000
# No character that could end the marker.
marker="<!-- replank: $(tr -cd '[:alnum:]_.-' <<<"${PLAN_NAME:-plan}") -->"
comments="repos/${GITHUB_REPOSITORY:?}/issues/${PULL_REQUEST:?}/comments"

hint() {
  echo "::error::the comment could not be written; the job needs \`permissions: pull-requests: write\`"
  exit 1
}

folder=$(mktemp -d "${RUNNER_TEMP:-/tmp}/replank-comment.XXXXXX")
body=$folder/body.md
{
  echo "$marker"
  cat "$file"
} >"$body"
if (($(wc -c <"$body") > LONGEST)); then
  sed '/^<details>/,/^<\/details>/d' "$body" >"$folder/short.md"
  body=$folder/short.md
  printf '\nThe statements are left out for their length; the summary of the job has them.\n' >>"$body"
fi
if (($(wc -c <"$body") > LONGEST)); then
  # Whole lines, as many as fit.
  LC_ALL=C awk -v most=$((LONGEST - 200)) '(size += length($0) + 1) <= most' "$body" >"$folder/cut.md"
  body=$folder/cut.md
  printf '\nThe rest is left out for its length; the summary of the job has it.\n' >>"$body"
fi

# Anybody can write the marker: only a comment of the token's own login is taken for ours.
found=$(gh api --paginate "$comments?per_page=100" \
  --jq '.[] | [.id, .user.login, (.body // "" | split("\n")[0] // "" | rtrimstr("\r"))] | @tsv') || hint
id=$(awk -F '\t' -v author="${COMMENT_AUTHOR:-github-actions[bot]}" -v marker="$marker" \
  '$2 == author && $3 == marker { print $1; exit }' <<<"$found")
if [[ -n $id ]]; then
  gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$body" --silent || hint
elif [[ $create == yes ]]; then
  gh api --method POST "$comments" -F "body=@$body" --silent || hint
fi
