#!/bin/bash
# TensorFlow.js 4.22.0 (npm @tensorflow/tfjs, backend cpu).
#
# Where extrema tie the gradients of one library follow three rules. max(x) gives every maximum the whole gradient, so that the slopes of
# max({1, 3, 3}) add up to 2, outside the subdifferential: shifting all elements by h moves the maximum by h. maximum(a, b) gives
# all to the first and nothing to the second. abs has slope -1 at 0, where relu has 0.
#
# Seen: max {0, 1, 1}, min {1, 1, 0}, maximum 1 and 0, minimum 1 and 0, abs -1, relu 0
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null
cat > run.mjs <<'END'
import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
const slopes = (f, ...x) => JSON.stringify(tf.grads(f)(x.map(v => tf.tensor(v))).map(t => t.arraySync()));
console.log('> max', slopes(x => tf.max(x), [1, 3, 3]));
console.log('> min', slopes(x => tf.min(x), [1, 1, 3]));
console.log('> maximum', slopes((a, b) => tf.maximum(a, b), [3], [3]));
console.log('> minimum', slopes((a, b) => tf.minimum(a, b), [3], [3]));
console.log('> abs', slopes(x => tf.abs(x), [0]));
console.log('> relu', slopes(x => tf.relu(x), [0]));
END
node run.mjs 2>/dev/null | grep '^> ' | tee output
diff output - <<'END'
> max [[0,1,1]]
> min [[1,1,0]]
> maximum [[1],[0]]
> minimum [[1],[0]]
> abs [[-1]]
> relu [[0]]
END
