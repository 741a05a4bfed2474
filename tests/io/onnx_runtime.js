// Runs models in ONNX Runtime and prints how far what they give is from what is expected, one JSON line a run.
//   node onnx_runtime.js FOLDER     FOLDER/runs.json: [{name, model, inputs: [{file, sizes, dtype}, …], outputs: […]}, …]
// Inputs and outputs are in the order of the model. The error of a run is the largest absolute difference of an output
// over its largest absolute value, that of the worst output. Exits with 77 when there is no package onnxruntime-node;
// NODE_PATH may say where it is.
const fs = require('fs');
const path = require('path');

let ort;
try {
  ort = require('onnxruntime-node');
} catch (e) {
  if (e.code === 'MODULE_NOT_FOUND' && e.message.includes('onnxruntime-node')) process.exit(77);
  throw e;
}

const folder = process.argv[2];
const numbers = (file, Type) => {
  const bytes = fs.readFileSync(path.join(folder, file));
  return new Type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

const compare = (found, sizes, expected) => {
  if (found.type !== 'float32') return `the output is ${found.type}`;
  if (String(found.dims) !== String(sizes)) return `the output is (${found.dims}), not (${sizes})`;
  let difference = 0, largest = 0;
  for (let i = 0; i < expected.length; ++i) {
    const d = Math.abs(found.data[i] - expected[i]);
    if (!(d <= Number.MAX_VALUE)) return `element ${i} is ${found.data[i]}, not ${expected[i]}`;
    difference = Math.max(difference, d);
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return difference === 0 ? 0 : difference / largest;
};

(async () => {
  const sessions = {};
  for (const run of JSON.parse(fs.readFileSync(path.join(folder, 'runs.json')))) {
    let error;
    try {
      const session = sessions[run.model] ??= await ort.InferenceSession.create(
          path.join(folder, run.model), {intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3});
      const inputs = run.inputs.map(({file, sizes, dtype}) =>
          dtype === 'i64' ? new ort.Tensor('int64', numbers(file, BigInt64Array), sizes)
                          : new ort.Tensor('float32', numbers(file, Float32Array), sizes));
      const count = `${session.inputNames.length} inputs and ${session.outputNames.length} outputs`;
      const wanted = `${run.inputs.length} inputs and ${run.outputs.length} outputs`;
      if (count !== wanted) throw new Error(`the model has ${count}, not ${wanted}`);
      const found = await session.run(Object.fromEntries(session.inputNames.map((name, i) => [name, inputs[i]])));
      const errors = run.outputs.map(({file, sizes}, i) =>
          compare(found[session.outputNames[i]], sizes, numbers(file, Float32Array)));
      error = errors.find((e) => typeof e === 'string') ?? Math.max(...errors);
    } catch (e) {
      error = e.message;
    }
    console.log(JSON.stringify({name: run.name, error}));
  }
})();
