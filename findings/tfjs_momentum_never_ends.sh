#!/bin/bash
# TensorFlow.js 4.22.0 (npm @tensorflow/tfjs, backend cpu), tf.train.momentum.
#
# A weight that once had a gradient and has none from then on, as those of a unit that is dead, moves ever less, and one would expect
# its velocity to be 0 in the end. It never is: 0.9 times any of the four smallest subnormal floats is rounded to the same number
# again, so the velocity stops at 4 of them (5.6e-45) and stays there for all steps to come, in the range in which processors take
# a hundred times as long for a product. It begins after some 830 steps without a gradient. A momentum of 0.5 does end: half of
# the smallest one is a tie, which goes to the even neighbour, 0.
#
# Seen: momentum 0.9 after 500 steps 1.3e-23, after 1000 and after 2000 steps 5.605e-45; momentum 0.5 after 200 steps 0
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @tensorflow/tfjs@4.22.0 >/dev/null
cat > run.mjs <<'END'
import * as tf from '@tensorflow/tfjs';
await tf.setBackend('cpu');
const velocityAfter = async (momentum, counts) => {
  const optimizer = tf.train.momentum(0.1, momentum);
  const weight = tf.variable(tf.tensor1d([1]), true, 'w');
  const step = gradient => optimizer.applyGradients({w: gradient});
  const one = tf.tensor1d([1]), zero = tf.tensor1d([0]), seen = [];
  step(one);
  for (let i = 1; i <= Math.max(...counts); ++i) {
    step(zero);
    if (counts.includes(i)) seen.push((await optimizer.getWeights())[1].tensor.dataSync()[0].toPrecision(4));
  }
  weight.dispose();
  return seen.join(' ');
};
console.log('> 0.9:', await velocityAfter(0.9, [500, 1000, 2000]));
console.log('> 0.5:', await velocityAfter(0.5, [200]));
END
node run.mjs 2>/dev/null | grep '^> ' | tee output
diff output - <<'END'
> 0.9: 1.322e-23 5.605e-45 5.605e-45
> 0.5: 0.000
END
