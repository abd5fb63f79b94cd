#!/bin/bash
# TensorFlow.js 4.22.0 (npm @tensorflow/tfjs, backend cpu, float32).
#
# The slopes of atan2(y, x) are x / (x^2 + y^2) and -y / (x^2 + y^2). The gradient forms the sum of squares in float32, so it
# leaves the range where the slopes are ordinary numbers: at (3e-25, 4e-25) they are 1.6e24 and -1.2e24, at (3e20, 4e20)
# they are 1.6e-21 and -1.2e-21. The value is right at both.
#
# Seen: angle 0.6435011029243469 twice; slopes Infinity and -Infinity near the origin, 0 and 0 far from it
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null
cat > run.mjs <<'END'
import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
for (const scale of [1e-25, 1e20]) {
  const point = [tf.scalar(3 * scale), tf.scalar(4 * scale)];
  const slopes = tf.grads((y, x) => tf.atan2(y, x))(point).map(t => t.arraySync() + 0).join(' ');
  console.log('> atan2', scale, tf.atan2(...point).arraySync(), slopes);
}
END
node run.mjs 2>/dev/null | grep '^> ' | tee output
diff output - <<'END'
> atan2 1e-25 0.6435011029243469 Infinity -Infinity
> atan2 100000000000000000000 0.6435011029243469 0 0
END
