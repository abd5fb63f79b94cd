#!/bin/bash
# onnxruntime-web 1.18.0, wasm, opset 13: ReduceMax of (NaN, 1, 2) is NaN, of (1, NaN, 2) it is 2: whether a NaN is seen depends
# on its place. Expected is one of two rules, NaN whenever there is one (NumPy's max, PyTorch's) or never (fmax).
#
# Seen:
# [null] [2]   (JSON writes NaN as null)
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >npm.log
npm install --no-audit --no-fund --ignore-scripts onnxruntime-web@1.18.0 >>npm.log 2>&1
cat >run.cjs <<'END'
const ort = require("onnxruntime-web");
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";
const model = Buffer.from("CAc6LAoRCgF4EgF5IglSZWR1Y2VNYXgSAWdaCQoBeBIECgIIAWIJCgF5EgQKAggBQgQKABAN", "base64");  // one node
async function run(values) {
  const session = await ort.InferenceSession.create(model, {executionProviders: ["wasm"]});
  const {y} = await session.run({x: new ort.Tensor("float32", Float32Array.from(values), [values.length])});
  return Array.from(y.data);
}
(async () => {
  const first = await run([NaN, 1, 2]), second = await run([1, NaN, 2]);
  console.log(JSON.stringify(first), JSON.stringify(second));
})();
END
node run.cjs 2>run.log | tee seen
diff - seen <<'END'
[null] [2]
END
