#!/bin/bash
# convnetjs 0.3.0: the step of a weight for l2_decay is divided by batch_size. With l2_decay 0.5, learning rate 0.1, plain SGD and
# inputs 0, so that the loss has no gradient, a weight 1 becomes 0.95 in a step with batch_size 1 and 0.995 in one with batch_size
# 10. Expected is 0.95 for both: the loss is averaged over the batch, the penalty belongs to the weights; here each change of the
# batch size changes the penalty.
#
# Seen:
# 1: 0.95
# 10: 0.995
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log
npm install --no-audit --no-fund --ignore-scripts convnetjs@0.3.0 >>npm.log 2>&1
cat >run.cjs <<'END'
const {Net, Trainer, Vol} = require("convnetjs");
for (const size of [1, 10]) {
  const net = new Net();
  net.makeLayers([{type: "input", out_sx: 1, out_sy: 1, out_depth: 1}, {type: "regression", num_neurons: 1}]);
  const {filters, biases} = net.layers[1];
  filters[0].w[0] = 1;
  biases.w[0] = 0;
  const trainer =
      new Trainer(net, {method: "sgd", learning_rate: 0.1, momentum: 0, batch_size: size, l2_decay: 0.5});
  for (let i = 0; i < size; ++i) trainer.train(new Vol(1, 1, 1, 0), [0]);
  console.log(`${size}: ${filters[0].w[0]}`);
}
END
node run.cjs 2>run.log | tee seen
diff - seen <<'END'
1: 0.95
10: 0.995
END
