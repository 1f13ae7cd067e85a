#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each conformance rule is documented, and nothing else is.
# Usage: rules-documented.sh PREFIX CODES.H CONFORMANCE.RST

set -eu

ids=$(grep -o "\"$1\.[a-z0-9.-]*\"" "$2" | tr -d '"' | sort)
titles=$(grep -x "$1\.[a-z0-9.-]*" "$3" | sort)
[ -n "$ids" ] || { echo "no rules found in $2"; exit 1; }
if [ "$ids" != "$titles" ]; then
    echo "rules of $2 and headings of $3 differ:"
    printf '%s\n%s\n' "$ids" "$titles" | sort | uniq -u
    exit 1
fi
