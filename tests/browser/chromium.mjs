// Debian's Chromium without a window, driven by its DevTools protocol over a pipe: nothing has to be installed for it.
import {spawn} from "node:child_process";
import {mkdtempSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";

export async function launch(path) {
  const profile = mkdtempSync(join(tmpdir(), "cairn-chromium-"));
  const flags = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
    `--user-data-dir=${profile}`
  ];
  const browser = spawn(path, flags, {stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"]});
  const [, , , input, output] = browser.stdio;
  const waiting = new Map(), listeners = [];
  let next = 0, rest = "";
  const gone = new Promise((resolve) => browser.on("exit", resolve));
  gone.then(() => {
    for (const {reject} of waiting.values()) reject(new Error("Chromium has ended"));
  });
  output.setEncoding("utf8").on("data", (text) => {
    const messages = (rest + text).split("\0");
    rest = messages.pop();
    for (const message of messages.map((m) => JSON.parse(m))) {
      const {resolve, reject} = waiting.get(message.id) || {};
      waiting.delete(message.id);
      if (!resolve)
        for (const listener of listeners) listener(message);
      else if (message.error)
        reject(new Error(message.error.message));
      else
        resolve(message.result);
    }
  });
  const send = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
    waiting.set(++next, {resolve, reject});
    input.write(JSON.stringify({id: next, method, params, sessionId}) + "\0");
  });

  return {
    // A tab of this width. `errors` gathers what the page complains of.
    async open(url, {width = 1280, height = 900, dark = false, touch = false} = {}) {
      const {targetId} = await send("Target.createTarget", {url: "about:blank"});
      const {sessionId} = await send("Target.attachToTarget", {targetId, flatten: true});
      const call = (method, params) => send(method, params, sessionId);
      const errors = [], requests = [];
      let loaded;
      const load = new Promise((resolve) => { loaded = resolve; });
      listeners.push(({sessionId: from, method, params}) => {
        if (from !== sessionId) return;
        if (method === "Page.loadEventFired") loaded();
        if (method === "Runtime.exceptionThrown")
          errors.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
        if (method === "Log.entryAdded" && params.entry.level !== "verbose") errors.push(params.entry.text);
        if (method === "Runtime.consoleAPICalled") errors.push(params.args.map((a) => a.value).join(" "));
        if (method === "Network.requestWillBeSent") requests.push(params.request.url);
      });
      for (const domain of ["Page", "Runtime", "Log", "Network"]) await call(`${domain}.enable`);
      await call("Emulation.setDeviceMetricsOverride", {width, height, deviceScaleFactor: 1, mobile: width < 600});
      await call("Emulation.setTouchEmulationEnabled", {enabled: touch, maxTouchPoints: 2});
      const scheme = (name) =>
          call("Emulation.setEmulatedMedia", {features: [{name: "prefers-color-scheme", value: name}]});
      await scheme(dark ? "dark" : "light");
      await call("Page.navigate", {url});
      await load;
      const page = {
        errors,
        requests,
        scheme,
        async run(expression) {
          const {result, exceptionDetails} =
              await call("Runtime.evaluate", {expression, awaitPromise: true, returnByValue: true});
          if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
          return result.value;
        },
        // Until the expression is true; a page draws when it gets to it.
        async until(expression) {
          for (const end = Date.now() + 20000; !(await page.run(expression));) {
            if (errors.length) throw new Error(errors.join("\n"));
            if (Date.now() > end) throw new Error(`it never came to this: ${expression}`);
            await new Promise((resolve) => setTimeout(resolve, 30));
          }
        },
        mouse: (type, x, y, more = {}) =>
            call("Input.dispatchMouseEvent", {type, x, y, button: "left", clickCount: 1, ...more}),
        // Fingers that go along paths [{x, y}, …] of one length, and are lifted at the end.
        async touch(...paths) {
          for (let i = 0; i < paths[0].length; ++i)
            await call(
                "Input.dispatchTouchEvent",
                {type: i === 0 ? "touchStart" : "touchMove", touchPoints: paths.map((path, id) => ({...path[i], id}))});
          await call("Input.dispatchTouchEvent", {type: "touchEnd", touchPoints: []});
        },
        async key(key) {
          await call("Input.dispatchKeyEvent", {type: "keyDown", key, text: key.length === 1 ? key : undefined});
          await call("Input.dispatchKeyEvent", {type: "keyUp", key});
        },
        async picture(file, {whole = false} = {}) {
          const clip = whole ? {...(await call("Page.getLayoutMetrics")).cssContentSize, scale: 1} : undefined;
          const {data} = await call("Page.captureScreenshot", {format: "png", clip, captureBeyondViewport: whole});
          writeFileSync(file, Buffer.from(data, "base64"));
        },
        close: () => send("Target.closeTarget", {targetId}),
      };
      return page;
    },
    async close() {
      await send("Browser.close").catch(() => {});
      await gone;
      rmSync(profile, {recursive: true, force: true, maxRetries: 5});
    },
  };
}
