#!/bin/bash
# papaparse 5.4.1 with dynamicTyping: true makes a number of 9007199254740991 and of 1e15 but leaves 1e16 and 9007199254740992 as
# text, in the same column: what is not below 2^53 in size is no number to it, whole or not. Expected is a number for each, of
# which double has 1e16 exactly. What is computed from such a column joins text: 1 + "1e16" is "11e16". "+5" stays text as well.
#
# Seen:
# [1,"number"],[1000000000000000,"number"],["1e16","string"],["-2.5e20","string"],["+5","string"]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log
npm install --no-audit --no-fund --ignore-scripts papaparse@5.4.1 >>npm.log 2>&1
cat >run.cjs <<'END'
const Papa = require("papaparse");
const {data} = Papa.parse("x\n1\n1e15\n1e16\n-2.5e20\n+5", {header: true, dynamicTyping: true});
console.log(data.map((row) => JSON.stringify([row.x, typeof row.x])).join());
END
node run.cjs 2>run.log | tee seen
diff - seen <<'END'
[1,"number"],[1000000000000000,"number"],["1e16","string"],["-2.5e20","string"],["+5","string"]
END
