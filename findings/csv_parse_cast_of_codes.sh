#!/bin/bash
# csv-parse 5.5.6 with cast: true reads the fields 0x1A and 0b11 as the number 0. Expected is text, or 26 and 3: a field counts as a
# number when JavaScript subtracts it without NaN, where "0x1A" is 26, and is then read by parseFloat, which stops at the x. Columns
# of hexadecimal identifiers become columns of zeros.
#
# Seen:
# [{"id":0,"x":1},{"id":0,"x":2},{"id":7,"x":3}]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log
npm install --no-audit --no-fund --ignore-scripts csv-parse@5.5.6 >>npm.log 2>&1
cat >run.cjs <<'END'
const {parse} = require("csv-parse/sync");
console.log(JSON.stringify(parse("id,x\n0x1A,1\n0b11,2\n7,3\n", {columns: true, cast: true})));
END
node run.cjs 2>run.log | tee seen
diff - seen <<'END'
[{"id":0,"x":1},{"id":0,"x":2},{"id":7,"x":3}]
END
