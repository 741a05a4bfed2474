// What a reader of a report sees and does: report.mjs CHROMIUM REPORT FIXTURE FOLDER [--pictures]
import assert from "node:assert/strict";
import {execFileSync, spawn} from "node:child_process";
import {appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {fileURLToPath, pathToFileURL} from "node:url";

import {launch} from "./chromium.mjs";

const [chromium, report, fixture, folder, option] = process.argv.slice(2);
const evil = "gelu, </script> \u2028 ünï";

rmSync(folder, {recursive: true, force: true});
mkdirSync(folder, {recursive: true});
execFileSync(fixture, [folder]);
const written = (...names) =>
    pathToFileURL(execFileSync(report, names.map((n) => `${folder}/${n}`), {encoding: "utf8"}).trim()).href;
const one = written("relu"), two = written("relu", "gelu"), long = written("long");

const browser = await launch(chromium);
let failed = 0;
async function test(name, url, options, body) {
  const page = await browser.open(url, options);
  try {
    await page.until("document.documentElement.dataset.ready === 'yes'");
    await body(page);
    assert.deepEqual(page.errors, [], "the page complains");
    console.log(`ok      ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAILED  ${name}: ${error.message}`);
  }
  if (option === "--pictures") await page.picture(`${folder}/${name.replace(/\W+/g, "-")}.png`);
  await page.close();
}

const chart = (name) => `Chart.getChart(document.querySelector('[data-chart="${name}"] canvas'))`;
const drawn = (page, name) => page.until(`!!${chart(name)}`);
const tip = (name) =>
    `(({title, body, opacity}) => opacity ? [...title, ...body.flatMap((b) => b.lines)] : [])(${chart(name)}.tooltip)`;
// The place of a point in the window.
const place = (page, name, set, index) => page.run(`(() => {
  const c = ${chart(name)}, box = c.canvas.getBoundingClientRect(), p = c.getDatasetMeta(${set}).data[${index}];
  return {x: box.x + p.x, y: box.y + p.y};
})()`);
const range = (page, name) => page.run(`(({min, max}) => [min, max])(${chart(name)}.scales.x)`);
const shows = async (page, name, from, to) => {
  const [min, max] = await range(page, name);
  assert.ok(Math.abs(min - from) < 0.1 && Math.abs(max - to) < 0.1, `${name} shows ${min} to ${max}`);
};
const labels = (page, name) => page.run(`${chart(name)}.data.datasets.map((d) => d.label)`);
const fits = async (page) => assert.ok(
    await page.run("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the window");
// Every chart of the page, as a reader who scrolls down makes them.
const read = (page) => page.run(`(async () => {
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight / 2) {
    scrollTo(0, y);
    await new Promise((done) => setTimeout(done, 40));
  }
  scrollTo(0, 0);
})()`);

await test("curves are there, and hovering shows their values", one, {}, async (page) => {
  await drawn(page, "curve loss");
  assert.deepEqual(await labels(page, "curve loss"), ["training", "validation"]);
  for (const name of ["loss", "accuracy", "lr", "top5_accuracy"]) {
    await drawn(page, `curve ${name}`);
    assert.ok(await page.run(`${chart(`curve ${name}`)}.data.datasets[0].data.length === 10`));
  }
  // Something is painted where a line goes.
  assert.ok(
      await page.run(`(() => {
    const {ctx, chartArea: a} = ${chart("curve loss")};
    const bytes = ctx.getImageData(a.left, a.top, a.width, a.height).data, blue = [0x3b, 0x82, 0xd0];
    let n = 0;
    for (let i = 0; i < bytes.length; i += 4)
      n += blue.every((v, k) => Math.abs(bytes[i + k] - v) < 24) && bytes[i + 3] > 200;
    return n > 200;
  })()`),
      "no line is painted");
  const at = await place(page, "curve loss", 1, 4);
  await page.mouse("mouseMoved", at.x, at.y);
  await page.until(`${tip("curve loss")}.length === 3`);
  const value = await page.run(`Number(${chart("curve loss")}.data.datasets[1].data[4].y.toPrecision(4))`);
  const said = await page.run(tip("curve loss"));
  assert.equal(said[0], "epoch 5");
  assert.ok(said.some((line) => line.includes(`validation: ${value}`)), said.join("; "));
  assert.ok(page.requests.every((url) => url === one || url.startsWith("data:")), "it asks for other files");
});

await test("a drag looks closer and a double click shows all again", one, {}, async (page) => {
  await drawn(page, "curve loss");
  const from = await place(page, "curve loss", 0, 2), to = await place(page, "curve loss", 0, 6);
  await page.mouse("mousePressed", from.x, from.y);
  await page.mouse("mouseMoved", to.x, to.y, {buttons: 1});
  await page.mouse("mouseReleased", to.x, to.y);
  for (const name of ["curve loss", "curve accuracy"]) await shows(page, name, 3, 7);
  for (const clickCount of [1, 2]) {
    await page.mouse("mousePressed", from.x, from.y, {clickCount});
    await page.mouse("mouseReleased", from.x, from.y, {clickCount});
  }
  assert.deepEqual(await range(page, "curve loss"), [1, 10]);
});

const phone = {
  width: 390,
  height: 844,
  touch: true
};
await test("fingers on a chart look closer, and scroll the page", one, phone, async (page) => {
  await drawn(page, "curve loss");
  const path = (from, to) => Array.from(
      {length: 11}, (_, i) => ({x: from.x + (to.x - from.x) * i / 10, y: from.y + (to.y - from.y) * i / 10}));
  const at = async (index) => ({x: (await place(page, "curve loss", 0, index)).x, y: middle});
  const middle =
      await page.run(`(({y, height}) => y + height / 2)(${chart("curve loss")}.canvas.getBoundingClientRect())`);
  const [third, fifth, seventh] = [await at(2), await at(4), await at(6)];

  await page.touch(path(third, seventh));
  for (const name of ["curve loss", "curve accuracy"]) await shows(page, name, 3, 7);
  for (const tap of [1, 2]) await page.touch([fifth]);
  await page.until(`${chart("curve loss")}.scales.x.max === 10`);
  assert.deepEqual(await range(page, "curve loss"), [1, 10]);

  // Fingers take along what is under them: 5 comes to where 7 was.
  await page.touch(path(third, third), path(fifth, seventh));
  for (const [finger, value] of [[third, 3], [seventh, 5]]) {
    const there = await page.run(`(({canvas, scales: {x}}) =>
        x.getValueForPixel(${finger.x} - canvas.getBoundingClientRect().x))(${chart("curve loss")})`);
    assert.ok(Math.abs(there - value) < 0.1, `under a finger is ${there} and no more ${value}`);
  }
  await page.touch(path(third, third), path(seventh, {...third, x: third.x + 20}));
  assert.deepEqual(await range(page, "curve loss"), [1, 10]);

  await page.touch(path(fifth, {...fifth, y: fifth.y - 200}));
  await page.until("scrollY > 100");
  assert.deepEqual(await range(page, "curve loss"), [1, 10]);
});

await test("keys read values and zoom", one, {}, async (page) => {
  await drawn(page, "curve loss");
  await page.run(`${chart("curve loss")}.canvas.focus()`);
  for (const expected of [1, 2, 3]) {
    await page.key("ArrowRight");
    assert.equal((await page.run(tip("curve loss")))[0], `epoch ${expected}`);
  }
  assert.match(await page.run("document.querySelector('#spoken').textContent"), /^epoch 3, .*validation: 0\.\d+/);
  await page.key("+");
  assert.ok(await page.run(`${chart("curve loss")}.scales.x.max < 10`));
  await page.key("0");
  assert.deepEqual(await page.run(`${chart("curve loss")}.scales.x.max`), 10);
});

await test("two runs are overlaid and told apart", two, {}, async (page) => {
  await drawn(page, "curve loss");
  assert.deepEqual(
      await labels(page, "curve loss"),
      ["relu, training", "relu, validation", `${evil}, training`, `${evil}, validation`]);
  const colours = await page.run(`${chart("curve loss")}.data.datasets.map((d) => d.borderColor)`);
  assert.ok(colours[0] === colours[1] && colours[2] === colours[3] && colours[0] !== colours[2]);
  assert.ok(
      await page.run(`document.querySelector('#runs').textContent.includes(${JSON.stringify(evil)})`),
      "the name is not as it was");
  await page.run("document.querySelector('#run-0').click()");
  assert.deepEqual(await labels(page, "curve loss"), [`${evil}, training`, `${evil}, validation`]);
  await page.run("document.querySelector('#axis [value=step]').click()");
  assert.ok(await page.run(`${chart("curve loss")}.scales.x.max > 4000`));
  await drawn(page, "curve grad_norm");
  await page.run(
      "{ const w = document.querySelector('#which'); w.value = '1'; w.dispatchEvent(new Event('change')); }");
  assert.match(await page.run("document.querySelector('#reproduce pre').textContent"), /--seed 2$/);
});

await test("the test, the layers, the distributions and the command are there", one, {}, async (page) => {
  await read(page);
  assert.equal(await page.run("document.querySelectorAll('.confusion tbody tr').length"), 10);
  assert.equal(
      await page.run("[...document.querySelectorAll('#mistakes img')].filter((i) => i.naturalWidth === 28).length"),
      24);
  for (const name of ["layers dead", "layers saturated", "layers gradient_norm"]) await drawn(page, name);
  assert.equal(await page.run(`${chart("layers dead")}.data.datasets.length`), 6);
  await drawn(page, "histogram weights 0.weight");
  await page.run("document.querySelector('#kind [value=activations]').click()");
  await read(page);
  await drawn(page, "histogram activations 1 relu");
  const highest = `Math.max(...${chart("histogram activations 1 relu")}.data.datasets[0].data.map((p) => p.y))`;
  const before = await page.run(highest);
  await page.run(
      "{ const m = document.querySelector('#moment'); m.value = '0'; m.dispatchEvent(new Event('input')); }");
  assert.ok(await page.run(highest) > before, "the slider moves nothing");
  assert.equal(await page.run("document.querySelector('#moment-epoch').textContent"), "1");
  assert.equal(await page.run("document.querySelectorAll('#model tbody tr').length"), 12);
  assert.equal(
      await page.run("document.querySelector('#reproduce pre').textContent"),
      "./run mnist --activation 'x * tanh(x)' --epochs 10 --seed 1");
  await page.run("document.querySelector('#numbers summary').click()");
  await page.until("document.querySelectorAll('#numbers tbody tr').length === 10");
});

await test("it is dark where the reader's screen is", one, {dark: true}, async (page) => {
  const light =
      "getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).reduce((a, b) => a + +b, 0) / 3";
  await drawn(page, "curve loss");
  assert.ok(await page.run(light) < 60);
  const ticks = await page.run(`${chart("curve loss")}.options.scales.x.ticks.color`);
  await page.scheme("light");
  await page.until(`${light} > 200`);
  await page.until(`${chart("curve loss")}.options.scales.x.ticks.color !== ${JSON.stringify(ticks)}`);
});

// As write_report makes it where Chart.js was not there.
const parts = readFileSync(fileURLToPath(one), "utf8").split(/(?<=<script>)|(?=<\/script>)/);
parts[parts.findIndex((part) => part.includes("Chart.js v"))] = "";
writeFileSync(
    `${folder}/plain.html`,
    parts.join("")
        .replace(/<meta http-equiv[^>]*>/, "")
        .replace(
            '"runs":',
            '"picture":"\\u003csvg xmlns=\'http://www.w3.org/2000/svg\' width=\'90\' height=\'40\'/>","runs":'));
await test(
    "without Chart.js it shows a picture and says what to install", pathToFileURL(`${folder}/plain.html`).href, {},
    async (page) => {
      assert.match(await page.run("document.querySelector('#curves .note').textContent"), /Debian: libjs-chart\.js/);
      await page.until("document.querySelector('#curves img').naturalWidth === 90");
      assert.equal(await page.run("document.querySelectorAll('canvas').length"), 0);
      assert.equal(await page.run("document.querySelectorAll('.confusion tbody tr').length"), 10);
    });

for (const [name, url] of [["one run", one], ["two runs", two], ["a long run", long]])
  for (const width of [390, 1280])
    await test(`${name} fits into ${width} pixels`, url, {width, height: 844}, async (page) => {
      await drawn(page, "curve loss");
      await fits(page);
      await read(page);
      await fits(page);
    });

await test("a run of 100,000 steps opens within a second", long, {}, async (page) => {
  await drawn(page, "curve loss");
  const took = await page.run("performance.getEntriesByType('navigation')[0].loadEventEnd");
  console.log(`        opened in ${Math.round(took)} ms`);
  // The second is meant for a quiet machine; tests run side by side.
  assert.ok(took < 3000, `it took ${took} ms`);
});

const server = spawn(report, ["--live", "--port", "0", `${folder}/going`], {stdio: ["ignore", "pipe", "inherit"]});
const said = await new Promise((resolve) => {
  server.stdout.once("data", (text) => resolve(String(text)));
  server.on("exit", () => resolve(""));
});
const address = said.match(/^http:\/\/127\.0\.0\.1:\d+\//);
if (address) {
  await test("a live report follows the training", address[0], {}, async (page) => {
    await drawn(page, "curve loss");
    const count = `${chart("curve loss")}.data.datasets[0].data.length`;
    assert.equal(await page.run(count), 4);
    appendFileSync(
        `${folder}/going/metrics.jsonl`,
        JSON.stringify({event: "epoch", epoch: 4, step: 2345, loss: 0.02, validation: {loss: 0.03}}) + "\n" +
            JSON.stringify({event: "end", reason: "stopped"}) + "\n");
    await page.until(`${count} === 5`);
    await page.until("document.querySelector('#news').textContent === 'Live; the training has ended'");
    assert.match(await page.run("document.querySelector('#runs').textContent"), /stopped, 5 of 4 epochs/);
    server.kill("SIGINT");
  });
} else
  console.log("skipped a live report: the program was built without cpp-httplib");
server.kill();

await browser.close();
process.exit(failed ? 1 : 0);
