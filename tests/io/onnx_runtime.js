// Runs models in ONNX Runtime and prints how far what they give is from what is expected, one JSON line a run.
//   node onnx_runtime.js FOLDER     FOLDER/runs.json: [{name, model, input: {file, sizes, dtype}, output: {…}}, …]
// The error is the largest absolute difference over the largest absolute value. Exits with 77 when there is no package
// onnxruntime-node; NODE_PATH may say where it is.
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
      const {file, sizes, dtype} = run.input;
      const x = dtype === 'i64' ? new ort.Tensor('int64', numbers(file, BigInt64Array), sizes)
                                : new ort.Tensor('float32', numbers(file, Float32Array), sizes);
      const found = await session.run({[session.inputNames[0]]: x});
      error = compare(found[session.outputNames[0]], run.output.sizes, numbers(run.output.file, Float32Array));
    } catch (e) {
      error = e.message;
    }
    console.log(JSON.stringify({name: run.name, error}));
  }
})();
