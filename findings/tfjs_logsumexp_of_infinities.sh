#!/bin/bash
# TensorFlow.js 4.22.0 (npm @tensorflow/tfjs, backend cpu).
#
# logSumExp subtracts the largest element first, also where that is infinite: a row whose elements are all -Infinity, as a mask
# leaves it, is the logarithm of 0, and one with Infinity is Infinity. Both come out as NaN; log(sum(exp(x))) written out gives
# the right ones.
#
# Seen: NaN and NaN; -Infinity and Infinity when it is written out
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null
cat > run.mjs <<'END'
import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
for (const row of [[-Infinity, -Infinity], [Infinity, 1]]) {
  const x = tf.tensor1d(row);
  console.log('> logSumExp', tf.logSumExp(x).arraySync(), tf.log(tf.sum(tf.exp(x))).arraySync());
}
END
node run.mjs 2>/dev/null | grep '^> ' | tee output
diff output - <<'END'
> logSumExp NaN -Infinity
> logSumExp NaN Infinity
END
