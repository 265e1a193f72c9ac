#!/usr/bin/env bash
# Runs all findings, or those whose names are given, and prints which of them hold still.
# Outside of CI: each one installs the version that it is about.
set -uo pipefail
cd "$(dirname "$0")"
if [ $# -eq 0 ]; then
    set -- *.sh
fi
failed=0
for script in "$@"; do
    [ "$script" = run_all.sh ] && continue
    if output=$(bash "$script" 2>&1); then
        echo "holds    $script"
    else
        failed=$((failed + 1))
        echo "differs  $script"
        echo "$output" | tail -n 20 | sed 's/^/         /'
    fi
done
echo "$failed of them differ from what they say"
[ "$failed" -eq 0 ]
