#!/bin/bash
# TensorFlow.js 4.22.0 (npm @tensorflow/tfjs, backend cpu).
#
# floorDiv(a, b) is floor(a / b), flat between its jumps: its slope is 0 by both wherever it has one, and floor has slope 0 in the same
# library. Its registered gradient is that of the true division, 1 / b and -a / b^2, so that floor(div(a, b)) and
# floorDiv(a, b) have the same value and different gradients.
#
# Seen: at a = 7, b = 3 the slopes 0.3333333432674408 and -0.7777777910232544; 0 and 0 when it is written as floor(div(a, b))
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null
cat > run.mjs <<'END'
import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
const slopes = f => tf.grads(f)([tf.scalar(7), tf.scalar(3)]).map(t => t.arraySync() + 0).join(' ');
console.log('> floorDiv', tf.floorDiv(tf.scalar(7), tf.scalar(3)).arraySync(), slopes((a, b) => tf.floorDiv(a, b)));
console.log('> floor of div', tf.floor(tf.div(tf.scalar(7), tf.scalar(3))).arraySync(), slopes((a, b) => tf.floor(tf.div(a, b))));
END
node run.mjs 2>/dev/null | grep '^> ' | tee output
diff output - <<'END'
> floorDiv 2 0.3333333432674408 -0.7777777910232544
> floor of div 2 0 0
END
