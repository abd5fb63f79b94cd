#!/bin/bash
# simple-statistics 7.8.3: cumulativeStdNormalProbability(z) looks z up in a table that ends at 3.09 and rounds to four places, so
# that every z below gives 0.001: at -5, where it is 2.87e-7, 3500 times too much. errorFunction(1e-10) is -2.99e-8, with the wrong
# sign (1.13e-10). Expected is an evaluation that is right to some digits everywhere, or 0 in the tails.
#
# Seen:
# 0.001 0.001
# -2.988716185647888e-8
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log
npm install --no-audit --no-fund --ignore-scripts simple-statistics@7.8.3 >>npm.log 2>&1
cat >run.cjs <<'END'
const ss = require("simple-statistics");
console.log(ss.cumulativeStdNormalProbability(-3.5), ss.cumulativeStdNormalProbability(-5));
console.log(ss.errorFunction(1e-10));
END
node run.cjs 2>run.log | tee seen
diff - seen <<'END'
0.001 0.001
-2.988716185647888e-8
END
