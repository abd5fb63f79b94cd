#!/bin/bash
# TensorFlow.js 4.22.0 (npm @tensorflow/tfjs, backend cpu).
#
# erf has an absolute error of some 1e-7 and so no correct digit near 0: erf(1e-7) is 0.9 % off and erf(1e-10) ten times too large. It is
# the five-term formula 7.1.26 of Abramowitz and Stegun, made for an absolute error, 1 - polynomial * exp(-x^2). Its gradient is
# exact, so that a difference quotient of the value contradicts the slope: erf(1e-10) / 1e-10 is 11.13. expm1 and log1p,
# the neighbours that exist for arguments near 0, are right to the last place.
#
# Seen: erf(x) / x at 1e-10, 1e-7, 1e-3 for 2 / sqrt(pi) = 1.1284: 11.1284, 1.1384, 1.1284;
# the slope is 1.1284 throughout
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null
cat > run.mjs <<'END'
import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
for (const x of [1e-10, 1e-7, 1e-3]) {
  const quotient = tf.erf(tf.scalar(x)).arraySync() / x, slope = tf.grad(a => tf.erf(a))(tf.scalar(x)).arraySync();
  console.log('>', x, quotient.toFixed(4), slope.toFixed(4), (tf.expm1(tf.scalar(x)).arraySync() / x).toFixed(4));
}
END
node run.mjs 2>/dev/null | grep '^> ' | tee output
diff output - <<'END'
> 1e-10 11.1284 1.1284 1.0000
> 1e-7 1.1384 1.1284 1.0000
> 0.001 1.1284 1.1284 1.0005
END
