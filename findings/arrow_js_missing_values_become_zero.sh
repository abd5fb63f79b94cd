#!/bin/bash
# apache-arrow 17.0.0 for JavaScript: toArray() of a vector of numbers with missing values has 0 in their places, while get() and the
# iterator give null; a mean over the array is wrong without a word. Expected is NaN for floating-point vectors, as pyarrow's
# to_numpy gives, or a refusal.
#
# Seen:
# [1,null,3]
# [1,0,3]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log
npm install --no-audit --no-fund --ignore-scripts apache-arrow@17.0.0 >>npm.log 2>&1
cat >run.cjs <<'END'
const {Float64, vectorFromArray} = require("apache-arrow");
const vector = vectorFromArray([1, null, 3], new Float64());
console.log(JSON.stringify([...vector]));
console.log(JSON.stringify(Array.from(vector.toArray())));
END
node run.cjs 2>run.log | tee seen
diff - seen <<'END'
[1,null,3]
[1,0,3]
END
