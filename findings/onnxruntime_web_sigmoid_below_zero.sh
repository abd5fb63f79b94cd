#!/bin/bash
# onnxruntime-web 1.18.0, wasm, opset 13: Sigmoid of -20, -30 and -100 is -5.96e-8, a negative number. Expected is something in
# [0, 1]: 2.06e-9, 9.36e-14 and 0. The kernel is a rational approximation around 0.5 that ends with 0.5 + p / q, and float's
# rounding there reaches below 0; its logarithm, in a loss behind it, is NaN. -15 is 3.576e-7 instead of 3.059e-7.
#
# Seen:
# [3.5762786865234375e-7,-5.960464477539063e-8,-5.960464477539063e-8,-5.960464477539063e-8]
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
const model = Buffer.from("CAc6KgoPCgF4EgF5IgdTaWdtb2lkEgFnWgkKAXgSBAoCCAFiCQoBeRIECgIIAUIECgAQDQ==", "base64");  // one node
async function run(values) {
  const session = await ort.InferenceSession.create(model, {executionProviders: ["wasm"]});
  const {y} = await session.run({x: new ort.Tensor("float32", Float32Array.from(values), [values.length])});
  return Array.from(y.data);
}
run([-15, -20, -30, -100]).then((y) => console.log(JSON.stringify(y)));
END
node run.cjs 2>run.log | tee seen
diff - seen <<'END'
[3.5762786865234375e-7,-5.960464477539063e-8,-5.960464477539063e-8,-5.960464477539063e-8]
END
