#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each conformance rule is documented, and nothing else is.
# Usage: rules-documented.sh CODES.H CONFORMANCE.RST

set -eu

ids=$(grep -o '"vtd\.[a-z0-9.-]*"' "$1" | tr -d '"' | sort)
titles=$(grep -x 'vtd\.[a-z0-9.-]*' "$2" | sort)
[ -n "$ids" ] || { echo "no rules found in $1"; exit 1; }
if [ "$ids" != "$titles" ]; then
    echo "rules of $1 and headings of $2 differ:"
    printf '%s\n%s\n' "$ids" "$titles" | sort | uniq -u
    exit 1
fi
